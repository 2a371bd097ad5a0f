"""Selection of runs by `--filter KEY=VALUE`."""

from collections.abc import Callable, Iterable
from typing import Any

import yaml

from cnncompare.comparison.load import Result, flatten
from cnncompare.errors import ConfigError, closest


def apply_filters(results: list[Result], filters: Iterable[str]) -> list[Result]:
    """Return the results that match every filter, KEY=VALUE or KEY!=VALUE.

    A key of the record (model.stem as used) takes precedence over the same key of the
    configuration (model.stem as requested). Raises ConfigError for an unknown key and for a
    filter that no run matches.
    """
    for text in filters:
        matches = _parsed(text, results)
        matching = [result for result in results if matches(result)]
        if not matching:
            raise ConfigError(f"--filter {text} matches no run; {_available_values(text, results)}")
        results = matching
    return results


def _parsed(text: str, results: list[Result]) -> Callable[[Result], bool]:
    key, _, value = text.partition("=")
    name, equal, expected = key.rstrip("!"), not key.endswith("!"), _typed(value)
    if not value or not name:
        raise ConfigError(
            f"--filter {text} is not of the form KEY=VALUE or KEY!=VALUE; "
            "for example, --filter model.stem=cifar"
        )
    keys = {key for result in results for key in filterable_values(result)}
    if name not in keys:
        raise ConfigError(f"--filter {text}: these runs have no key {name}{closest(name, keys)}")
    return lambda result: (filterable_values(result).get(name) == expected) is equal


def _typed(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def filterable_values(result: Result) -> dict[str, Any]:
    """Return the values of the configuration and the record by dotted key."""
    record = result.record.model_dump(exclude={"schema_", "error"})
    return result.config | flatten(record)


def _available_values(text: str, results: list[Result]) -> str:
    key = text.partition("=")[0].rstrip("!")
    values = dict.fromkeys(str(filterable_values(result).get(key)) for result in results)
    return f"{key} is {', '.join(list(values)[:8])}"
