"""Looks: the reports that were made while a set of runs grew.

`looks.json` beside the runs lists, for each report of another set of runs, their configuration
hashes. Seeds that were added after a look were possibly added because of what it showed.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.load import Result
from cnncompare.runs.storage import write_atomically
from cnncompare.system import strict_json

LOOKS = "looks.json"
Look = frozenset[str]  # configuration hashes of the runs


def read_looks(folders: Iterable[Path]) -> list[Look]:
    """Return the looks recorded in the folders, oldest first; an unreadable file counts as none."""
    entries = [entry for folder in folders for entry in _entries(folder)]
    return [frozenset(entry["runs"]) for entry in sorted(entries, key=lambda e: str(e["at"]))]


def _entries(folder: Path) -> list[dict[str, Any]]:
    try:
        content = strict_json.loads((folder / LOOKS).read_bytes())
        return [{"at": str(e["at"]), "runs": [str(r) for r in e["runs"]]} for e in content["looks"]]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def record_look(folders: Sequence[Path], results: Sequence[Result]) -> None:
    """Add a look at the runs to each folder, unless the last one was at the same runs.

    A folder that cannot be written is left as it is.
    """
    for folder in folders:
        root = folder.resolve()
        below = [r for r in results if root in (r.run.folder.resolve(), *r.run.folder.parents)]
        runs = sorted(result.record.config_hash for result in below)
        entries = _entries(folder)
        if not runs or (entries and sorted(entries[-1]["runs"]) == runs):
            continue
        at = datetime.now(UTC).isoformat(timespec="seconds")
        content = {"schema": 1, "looks": [*entries, {"at": at, "runs": runs}]}
        with suppress(OSError):
            write_atomically(folder / LOOKS, (json.dumps(content, indent=1) + "\n").encode())


def count_looks(a: Group, b: Group, looks: Sequence[Look]) -> int:
    """Return the number of looks at a difference of `a` and `b` before runs were added to it.

    A look at single runs does not count: it allows no statement about the networks.
    """
    hashes = [{r.record.config_hash for r in group.results} for group in (a, b)]
    seen = {tuple(frozenset(look & of_group) for of_group in hashes) for look in looks}
    return sum(
        min(map(len, pair)) >= 1 and max(map(len, pair)) >= 2
        for pair in seen
        if any(then != now for then, now in zip(pair, hashes, strict=True))
    )
