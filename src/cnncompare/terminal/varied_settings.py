"""Settings in which the runs of a sweep differ, as columns of its table."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from cnncompare.config.schema_options import distinguishes_groups
from cnncompare.runs.run import CONFIG, Run
from cnncompare.terminal.formatting import UNKNOWN

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # 8 times as fast, if available


def varied_settings(runs: Sequence[Run], shown: Sequence[tuple[str, ...]]) -> dict[str, list[str]]:
    """Return the cells of each run by title, of the settings that tell runs apart.

    `shown` has the cells of each run that the table has already. A setting that follows from them
    and from earlier settings, such as the weight decay from the optimizer, has no column.
    """
    configs = [_settings(run) for run in runs]
    known = [index for index, config in enumerate(configs) if config]
    keys = dict.fromkeys(key for index in known for key in configs[index])
    cells: dict[str, list[str]] = {}
    groups: list[tuple[Any, ...]] = [shown[index] for index in known]
    for key in keys:
        values = [_text(configs[index].get(key, UNKNOWN)) for index in known]
        divided = list(zip(groups, values, strict=True))
        if len(set(values)) > 1 and len(set(divided)) > len(set(groups)):
            groups = divided
            by_run = dict(zip(known, values, strict=True))
            cells[key] = [by_run.get(index, UNKNOWN) for index in range(len(runs))]
    titles = Counter(_name(key) for key in cells)
    return {_name(key) if titles[_name(key)] == 1 else key: cells[key] for key in cells}


def _settings(run: Run) -> dict[str, Any]:
    """Return the settings of config.yaml that can change a result, by dotted key."""
    try:
        text = (run.folder / CONFIG).read_text(encoding="utf-8")
        loaded = yaml.load(text, Loader=_LOADER)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    flat = dict(_flat(loaded, "")) if isinstance(loaded, dict) else {}
    source = flat.get("data.source")
    return {key: value for key, value in flat.items() if distinguishes_groups(key, source)}


def _flat(nested: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in nested.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _name(key: str) -> str:
    return key.rpartition(".")[2].replace("_", " ")


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
