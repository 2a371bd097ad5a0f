"""Short names of runs for TensorBoard, such as "resnet20/s0"; imports no torch."""

import re
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

from cnncompare.runs.run import Run

MOST_SETTINGS = 3  # that a name mentions
# what follows from other settings, or differs between two runs of the same ones
_NOT_NAMED = {"seed", "recipe_hash", "epochs_done", "test_reads", "health", "clocks_shared"}


def board_names(runs: Sequence[Run], roots: Sequence[Path]) -> dict[Path, str]:
    """Return a different name for each run, by its folder.

    It consists of network and seed; of the experiment's folder below the root, if there are
    several; and of the settings in which runs with the same network and seed differ.
    """
    studies = experiment_names([run.folder.parent for run in runs], roots)
    groups: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        groups["/".join(filter(None, (studies[run.folder.parent], _name(run))))].append(run)
    names = {}
    for name, members in groups.items():
        varied = [""] if len(members) == 1 else _differences(members)
        for run, suffix in zip(members, varied, strict=True):
            names[run.folder] = f"{name} {suffix}" if suffix else name
    return names


def experiment_names(studies: Sequence[Path], roots: Sequence[Path]) -> dict[Path, str]:
    """Return the name of each experiment's folder, empty if there is one only."""
    different = list(dict.fromkeys(studies))
    if len(different) < 2:
        return dict.fromkeys(different, "")
    below = {
        study: [root for root in roots if study != root and study.is_relative_to(root)]
        for study in different
    }
    short = {
        study: str(study.relative_to(outer[0])) if outer else study.name
        for study, outer in below.items()
    }
    unique = len(set(short.values())) == len(short)
    return {
        study: "/".join(_safe(part) for part in Path(name).parts if part != "/")
        for study, name in (short if unique else {s: str(s) for s in different}).items()
    }


def _name(run: Run) -> str:
    settings, data = run.record.settings, run.record.data
    if settings is None:
        return _safe(run.folder.name)
    drawn = data.resampling if data else None
    part = f"-{drawn.method.rstrip('s')}{drawn.number}" if drawn else ""
    return f"{_safe(run.record.label)}/s{settings.seed}{part}"


def _differences(runs: Sequence[Run]) -> list[str]:
    """Return what sets each run apart: settings, and otherwise the hash in its folder's name."""
    settings = [_settings(run) for run in runs]
    keys = [
        key
        for key in dict.fromkeys(key for values in settings for key in values)
        if len({values.get(key) for values in settings}) > 1
    ]
    texts = [
        " ".join(f"{key}={_safe(str(values.get(key)))}" for key in keys[:MOST_SETTINGS])
        for values in settings
    ]
    if len(set(texts)) == len(texts):
        return texts
    hashes = [_safe(run.folder.name.rpartition("-")[2]) for run in runs]
    if len(set(hashes)) < len(hashes):
        hashes = [_safe(run.folder.name) for run in runs]
    return [" ".join(filter(None, pair)) for pair in zip(texts, hashes, strict=True)]


def _settings(run: Run) -> Mapping[str, Hashable]:
    """Return the settings that are one number or text each, and the data's and stem's name."""
    record = run.record
    values = record.settings.model_dump() if record.settings else {}
    own = {
        "data": record.data.name if record.data else None,
        "stem": record.model.stem if record.model else None,
        "pretrained": record.model.pretrained if record.model else None,
    }
    return own | {
        key: value
        for key, value in values.items()
        if isinstance(value, str | int | float) and key not in _NOT_NAMED
    }


def _safe(text: str) -> str:
    """Return the text as one component of a path, for a name from a record that may be foreign."""
    return re.sub(r"[^\w.+=-]", "_", text).lstrip(".")[:80] or "_"
