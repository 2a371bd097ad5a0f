"""Options of the schema by their meaning, for comparisons: protocol, conditions, not compared."""

from functools import cache
from typing import Any

from cnncompare.config.data import DOWNLOADING_SOURCES
from cnncompare.config.options import Setting, schema_settings
from cnncompare.config.schema import Config


@cache
def _all_settings() -> tuple[Setting, ...]:
    return tuple(schema_settings(Config))


@cache
def protocol_settings(*, trains: bool) -> list[Setting]:
    """Return the settings that the runs of a table share, with the defaults of the schema."""
    return [
        setting
        for setting in _all_settings()
        if setting.option.role == "protocol" and setting.key and setting.applies(trains=trains)
    ]


@cache
def condition_keys() -> set[str]:
    """Return the keys in run.json of the settings in which the runs of a table may differ."""
    return {s.key for s in _all_settings() if s.key and s.option.role == "identity"}


@cache
def _paths_not_compared() -> set[str]:
    return {s.path for s in _all_settings() if s.option.role in ("repetition", "neither")}


def distinguishes_groups(key: str, source: str | None) -> bool:
    """Return whether runs with different values of a dotted key are compared, not averaged.

    `source` is the value of `data.source`.
    """
    if key == "data.root" and source in DOWNLOADING_SOURCES:
        return False
    names = key.split(".")
    prefixes = {".".join(names[:n]) for n in range(1, len(names) + 1)}
    return not prefixes & _paths_not_compared()


@cache
def default_settings() -> dict[str, Any]:
    """Return the schema's defaults by dotted key, of the keys that each configuration has."""
    return {s.path: s.value for s in _all_settings() if s.in_every_run}
