"""The sentences of the program in the language in use: English in the source, others translated.

A sentence is looked up as a whole, with named placeholders. Each translation lies in
locale/<language>/LC_MESSAGES, as .po for translators and as .mo for gettext.
"""

import gettext
import string
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from cnncompare.language.particles import with_particle

LANGUAGES = ("en", "ko")
DOMAIN = "cnncompare"
LOCALE = Path(__file__).parent / "locale"

_language: ContextVar[str] = ContextVar("language", default="en")


def language() -> str:
    """Return the language in use: en or ko."""
    return _language.get()


def use_language(name: str) -> None:
    """Write in the language from now on."""
    _language.set(name)


@contextmanager
def in_language(name: str) -> Iterator[None]:
    """Write in the language within a with statement."""
    token = _language.set(name)
    try:
        yield
    finally:
        _language.reset(token)


def tr(message: str, /, **values: object) -> str:
    """Return the message in the language in use, with the values in its placeholders."""
    if _language.get() == "en" or not message:
        return message.format(**values) if values else message
    return _filled(_translations(_language.get()).gettext(message), values)


def trn(singular: str, plural: str, n: int, /, **values: object) -> str:
    """Return the form of the message for `n`, which is also the placeholder {n}."""
    values = {"n": n, **values}
    if _language.get() == "en":
        return (singular if n == 1 else plural).format(**values)
    return _filled(_translations(_language.get()).ngettext(singular, plural, n), values)


def trc(context: str, message: str, /) -> str:
    """Return a message whose translation depends on the context, since it has several meanings."""
    name = _language.get()
    return message if name == "en" else _translations(name).pgettext(context, message)


def marked(message: str) -> str:
    """Return the message, which `tr` translates when it is displayed."""
    return message


@cache
def _translations(name: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALE, [name])


def _filled(text: str, values: Mapping[str, object]) -> str:
    return _FORMATTER.vformat(text, (), values) if values else text


class _Formatter(string.Formatter):
    """Formatter that knows the particles of Korean: ``{model:은/는}``."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if "/" in format_spec:
            return with_particle(str(value), format_spec)
        formatted: str = super().format_field(value, format_spec)
        return formatted


_FORMATTER = _Formatter()


def placeholders(message: str) -> set[str]:
    """Return the names of a message's placeholders."""
    fields: Sequence[str | None] = [field for _, field, _, _ in _FORMATTER.parse(message)]
    return {field for field in fields if field is not None}
