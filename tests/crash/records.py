"""What must be equal after a break, and what a strict reader refuses."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cnncompare.runs.run import find_runs
from cnncompare.system import strict_json
from tests.sweep.exact import CLOCKS, digest

# keys of run.json: clocks, and what depends on the machine's load or the number of sessions
VARYING = ("started_at", "finished_at", "wall_s", "timing", "memory", "environment", "checksum")


def run_results(outputs: Path) -> dict[str, Any]:
    """Return what the finished runs below a folder contain, without clocks."""
    return {run.name: run_result(run) for run in find_runs([outputs])}


def run_result(run: Path) -> dict[str, Any]:
    record = json.loads((run / "run.json").read_text())
    checksums = sorted(record.pop("files"))
    (record.get("evaluation") or {}).pop("test_s", None)
    files = ("predictions.npz", "per_class.csv", "config.yaml", "classes.json")
    return {
        "record": {key: value for key, value in record.items() if key not in VARYING},
        "checksums": checksums,
        "files": sorted(names(run)),
        "beside": sorted(names(run.parent)),
        "weights": {path.name: _weights(path) for path in sorted(run.glob("checkpoints/*.ckpt"))},
        "epochs": _epochs(run / "epochs.csv"),
        **{name: (run / name).read_bytes() for name in files if (run / name).exists()},
    }


def _weights(path: Path) -> str:
    content = torch.load(path, weights_only=True)
    return digest({k: content.get(k) for k in ("state_dict", "optimizer_states", "epoch")})


def _epochs(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in CLOCKS} for row in csv.DictReader(file)]


def finished_epochs(outputs: Path) -> set[str]:
    """Return RUN:EPOCH of all epochs that an epochs.csv or last.ckpt contains."""
    finished = set()
    for path in outputs.rglob("epochs.csv"):
        if ".replaced" not in path.parts:
            count = len(path.read_text().splitlines()) - 1
            finished |= {f"{path.parent.name}:{epoch + 1}" for epoch in range(count)}
    for path in outputs.rglob("last.ckpt"):
        if ".replaced" not in path.parts:
            count = torch.load(path, weights_only=True)["epoch"] + 1
            finished |= {f"{path.parent.parent.name}:{epoch + 1}" for epoch in range(count)}
    return finished


def names(folder: Path) -> set[str]:
    """Return the files at or below a folder, but for event files, locks and what was set aside."""
    paths = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    return {p for p in paths if "tfevents" not in p and not p.startswith((".replaced", ".locks"))}


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder, without times in their texts."""
    time = re.compile(rb"20\d\d-\d\d-\d\dT[0-9:.+Z-]+")
    return {name: time.sub(b"", (folder / name).read_bytes()) for name in sorted(names(folder))}


def refused(folder: Path) -> list[str]:
    """Return the files below the folder, by their final names, that a strict reader refuses."""
    problems = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name.startswith(".") or path.suffix not in READERS:
            continue
        try:
            READERS[path.suffix](path)
        except Exception as error:
            problems.append(f"{path.relative_to(folder)} is refused: {error!r}")
    return problems


def _read_csv(path: Path) -> None:
    rows = list(csv.reader(path.read_text().splitlines(), strict=True))
    assert len(rows) > 1, "no rows"
    assert len({len(row) for row in rows}) == 1, "rows of different lengths"


def _read_npz(path: Path) -> None:
    with np.load(path, allow_pickle=False) as arrays:
        assert {len(arrays[name]) for name in arrays.files}


def _ends_with(end: bytes) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        assert path.read_bytes().rstrip().endswith(end), "cut short"

    return read


READERS: dict[str, Callable[[Path], object]] = {
    ".json": lambda path: strict_json.loads(path.read_bytes()),
    ".csv": _read_csv,
    ".npz": _read_npz,
    ".npy": lambda path: np.load(path, allow_pickle=False),
    ".ckpt": lambda path: torch.load(path, weights_only=True),
    ".pt": lambda path: torch.load(path, weights_only=True),
    ".html": _ends_with(b"</html>"),
    ".svg": _ends_with(b"</svg>"),
    ".pdf": _ends_with(b"%%EOF"),
    ".png": _ends_with(b"IEND\xaeB`\x82"),
}
