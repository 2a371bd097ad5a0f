"""Overrides with the quotes that Hydra's grammar needs, or one line that states the right form.

Hydra's grammar refuses many paths, such as ``~/photos``, ``run=3`` or ``jörg``, and reads
the name ``2024`` as a number. Values of keys and config groups whose value is text are quoted here.
"""

import os
import re
import shlex
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString, Sweep
from hydra.errors import HydraException

from cnncompare.config.trainer import contradicting_lengths
from cnncompare.config.validation import kind_of_key, unknown_key_message
from cnncompare.errors import ConfigError

SINGLE_CHOICE_GROUPS = (
    *("model", "data", "loss", "optimizer", "scheduler", "trainer", "display"),
    "experiment",
)
LIST_GROUPS = ("logger", "callbacks", "metrics", "augmentations")  # one run takes several
GROUPS = (*SINGLE_CHOICE_GROUPS, *LIST_GROUPS)

_OVERRIDE = re.compile(r"(\+{0,2}([^=@~+]+)(?:@[^=]*)?=)(.*)", re.DOTALL)
_INTERPOLATION = re.compile(r"(?<!\\)\$\{[^{}]+\}")
_CLOSING = {"(": ")", "[": "]", "{": "}"}

Several = Literal["sweep", "add -m", "refuse"]
"""Use of several values of one key: a sweep, or refused with or without the advice to add -m."""


def quote_overrides(overrides: Iterable[str], several: Several) -> list[str]:
    """Return the overrides in a form that Hydra parses as the user meant them.

    Quoted values stay as they are, so that the result can be quoted again. A path that exists is
    text, whatever characters it has; in a sweep a comma separates values nonetheless. Raises
    ConfigError with the right form for an ambiguous or unreadable override.
    """
    return [quote_override(override, several) for override in overrides]


def quote_override(override: str, several: Several) -> str:
    """Return one override as `quote_overrides` does."""
    match = _OVERRIDE.fullmatch(override)
    if match is None:
        return _without_value(override)
    head, key, text = match.groups()
    kind = _kind(key)
    if kind != "text":
        _check_readable(override, key, kind)
    values = _split(text)
    if several != "sweep" and len(values) > 1 and not key.startswith("hydra"):
        if kind != "text" or not _exists(text):
            raise ConfigError(_several_values(head, key, kind, values, several))
        values = [text]
    if kind != "text":
        return override
    return head + ",".join(_as_text(key, value) for value in values)


def refuse_options(overrides: Iterable[str], folder: Path) -> None:
    """Raise ConfigError for an override that chooses an option which `folder` does not have.

    A run's folder has a configuration without config groups.
    """
    for override in overrides:
        key = override.lstrip("+").partition("=")[0]
        if key in GROUPS and not (folder / key).is_dir():
            raise ConfigError(
                f"{override}: the configuration of a run has no options to choose; override its "
                f"keys, such as {key}.name=NAME, or compose anew"
            )


def refuse_two_lengths(overrides: Iterable[str]) -> None:
    """Raise ConfigError for overrides of both `trainer.max_epochs` and `trainer.max_steps`.

    The schema does not see whether the user wrote the default of `max_epochs`.
    """
    given = dict(override.lstrip("+").partition("=")[::2] for override in overrides)
    steps, epochs = given.get("trainer.max_steps"), given.get("trainer.max_epochs")
    if {steps, epochs}.isdisjoint({None, "null", "-1"}):
        raise ConfigError(contradicting_lengths(steps, epochs))


def _kind(key: str) -> str:
    if key.startswith("hydra"):
        return "any"
    return "text" if key in GROUPS else kind_of_key(key.split("."))


def _without_value(override: str) -> str:
    if override.startswith("~") and re.fullmatch(r"~[\w./@:-]+(=.*)?", override):
        return override
    raise ConfigError(
        f"{override!r} is no override, which has the form key=value; an argument with spaces needs "
        "quotes around it"
    )


def _check_readable(override: str, key: str, kind: str) -> None:
    """Raise ConfigError for an override that Hydra cannot parse."""
    try:
        _parser().parse_override(override)
    except HydraException as error:
        path = key.split(".")
        if kind == "unknown":
            raise ConfigError(unknown_key_message(path)) from None
        reason = str(error).splitlines()[0]
        advice = "" if kind == "other" else f"; as text: {_shell_form(override, kind)}"
        raise ConfigError(f"{override}: {reason}{advice}") from None


def _shell_form(override: str, kind: str) -> str:
    """Return the override with its value quoted for Hydra and for the shell."""
    key, _, value = override.partition("=")
    if kind == "list":
        return quote_for_shell(f"{key}=[{quote_value(value)}]")
    return quote_for_shell(f"{key}={quote_value(value)}")


def quote_for_shell(argument: str) -> str:
    """Return the argument in double quotes if these suffice, because values have single ones."""
    return shlex.quote(argument) if re.search(r'["$`\\!]', argument) else f'"{argument}"'


def _several_values(head: str, key: str, kind: str, values: list[str], several: Several) -> str:
    count = "both" if len(values) == 2 else f"all {len(values)}"
    text = ",".join(values)
    advice = [f"add -m to run {count}"] if several == "add -m" else []
    if key in LIST_GROUPS:
        advice.append(f"{key}=[{text}] uses {count} in one run")
    elif kind == "list":
        advice.append(f"{head}[{text}] is a list")
    elif kind == "text" and key not in GROUPS:
        advice.append(f"{quote_for_shell(head + quote_value(text))} is one value with a comma")
    found = f"{head}{text} has {len(values)} values"
    return f"{found}: {'; '.join(advice)}" if advice else f"{found}; give one of them"


def _as_text(key: str, text: str) -> str:
    """Return the value, quoted unless Hydra reads it as the same text, null or a quoted one."""
    value = _parsed(text)
    if str(value) == "":
        raise ConfigError(f"{key} is empty; give a value, or leave out {key}=")
    if value is None and key in GROUPS:
        raise ConfigError(f"{key}={text}: {key} needs an option; leave out {key}= for the default")
    if isinstance(value, list) and key in GROUPS:
        if key in SINGLE_CHOICE_GROUPS:
            raise ConfigError(_list_of_options(key, text, value))
        return text
    if value is None or isinstance(value, QuotedString):
        return text
    if _exists(text):
        return text if value == text and "${" not in text else quote_value(text)
    if isinstance(value, Sweep):
        return text
    # Hydra removes spaces around a value, and backslashes that escape a character
    unchanged = isinstance(value, str) and (value == text or value != text.strip())
    return text if unchanged and not _has_open_interpolation(text) else quote_value(text)


def _parsed(text: str) -> Any:
    """Return Hydra's value of the text, or an exception as a value that is no text."""
    try:
        return _parser().parse_override(f"key={text}")._value
    except HydraException as error:
        return error


@cache
def _parser() -> OverridesParser:
    return OverridesParser.create()


def _list_of_options(key: str, text: str, options: list[Any]) -> str:
    if len(options) == 1:
        return f"{key}={text}: one run takes one {key}: {key}={options[0]}"
    names = ",".join(str(option) for option in options)
    return f"{key}={text}: one run takes one {key}; to run several, type -m {key}={names}"


def quote_value(text: str) -> str:
    """Return the text in single quotes, escaped so that Hydra and OmegaConf return it unchanged.

    Interpolations such as ``${oc.env:HOME}`` are kept, unless a file has that name.
    """
    if _exists(text):
        text = text.replace("${", r"\${")
    elif _has_open_interpolation(text):
        text = re.sub(r"\$\{(?![^{}]+\})", r"\\${", text)
    text = re.sub(r"(\\*)'", r"\1\1\\'", text)
    return "'" + re.sub(r"(\\+)$", r"\1\1", text) + "'"


def _has_open_interpolation(text: str) -> bool:
    return "${" in _INTERPOLATION.sub("", text)


def _exists(path: str) -> bool:
    return os.path.lexists(os.path.expanduser(path))


def _split(text: str) -> list[str]:
    """Split at the commas outside quotes and brackets; spaces around a comma are removed."""
    pieces, start, position = [], 0, 0
    while position < len(text):
        position = _end_of_group(text, position, at_start=not text[start:position].strip())
        if text[position : position + 1] == ",":
            pieces.append(text[start:position])
            start = position + 1
        position += 2 if text[position : position + 1] == "\\" else 1
    pieces.append(text[start:])
    return pieces if len(pieces) == 1 else [piece.strip() for piece in pieces]


def _end_of_group(text: str, position: int, at_start: bool) -> int:
    """Return the position of the last character of a quoted or bracketed group that begins here.

    Without such a group, it is the same position.
    """
    opening = text[position]
    if opening in "'\"" and at_start:
        quoted = re.compile(rf"{opening}(?:\\.|[^\\{opening}])*{opening}", re.DOTALL)
        match = quoted.match(text, position)
        return match.end() - 1 if match else position
    if opening not in _CLOSING:
        return position
    depth = 0
    for end in range(position, len(text)):
        depth += (text[end] == opening) - (text[end] == _CLOSING[opening])
        if depth == 0:
            return end
    return position
