"""`--filter KEY=VALUE`: which runs are compared."""

from collections.abc import Callable, Iterable
from typing import Any

import yaml

from cnncompare.comparison.load import Result, flatten
from cnncompare.errors import ConfigError, closest


def keep(results: list[Result], filters: Iterable[str]) -> list[Result]:
    """Return the results for which every filter holds, KEY=VALUE or KEY!=VALUE.

    A key of the record (model.stem as used) goes before the same key of the configuration
    (model.stem as asked). Raises ConfigError for an unknown key, or when nothing is left.
    """
    for text in filters:
        holds = _parsed(text, results)
        kept = [result for result in results if holds(result)]
        if not kept:
            raise ConfigError(f"--filter {text}: no run is left; {_found(text, results)}")
        results = kept
    return results


def _parsed(text: str, results: list[Result]) -> Callable[[Result], bool]:
    key, _, value = text.partition("=")
    if not value or not key.strip("!"):
        raise ConfigError(
            f"--filter {text}: give KEY=VALUE or KEY!=VALUE, such as model.stem=cifar"
        )
    wanted = key[-1] != "!"
    name, expected = key.rstrip("!"), _typed(value)
    known = {known for result in results for known in known_values(result)}
    if name not in known:
        raise ConfigError(f"--filter {text}: {name} is no key of these runs{closest(name, known)}")
    return lambda result: (known_values(result).get(name) == expected) is wanted


def _typed(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def known_values(result: Result) -> dict[str, Any]:
    """Return configuration and record with dotted keys, the record's winning."""
    record = result.record.model_dump(exclude={"schema_", "error"})
    return result.config | flatten(record)


def _found(text: str, results: list[Result]) -> str:
    key = text.partition("=")[0].rstrip("!")
    values = dict.fromkeys(str(known_values(result).get(key)) for result in results)
    return f"{key} is {', '.join(list(values)[:8])}"
