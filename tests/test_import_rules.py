"""Who may import whom: docs/architecture.md."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "cnncompare"
HEAVY = ("torch", "torchvision", "pytorch_lightning", "timm", "torchmetrics")

# room -> the rooms and files of cnncompare that it may import at any place
ALLOWED = {
    "models": {"models", "errors"},
    "data": {"data", "errors", "config", "run"},
    "callbacks": {"callbacks", "console", "errors", "config", "run", "record", "totals"},
    "comparison": {"comparison", "run", "record", "errors"},
    "report": {"report", "comparison", "run", "record", "errors"},
    "run": {"record", "errors"},
    "record": set(),
    "errors": set(),
    "config": {"errors"},
}
WITHOUT_TORCH = (
    "cli", "config", "config_files", "preflight", "run", "record", "errors", "rank", "opening",
    "outcome", "console", "sweep.check", "sweep.jobs", "models.names", "data.imagenet_layout",
)  # fmt: skip


def imports_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def files_of(room: str) -> list[Path]:
    folder = PACKAGE / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{room}.py"]


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    assert files_of(room)
    for path in files_of(room):
        for name in imports_of(path):
            parts = name.split(".")
            if parts[0] == "cnncompare" and len(parts) > 1 and parts[1] != "__version__":
                assert parts[1] in ALLOWED[room], f"{path.name} imports {name}"


def test_models_know_no_lightning_and_no_hydra() -> None:
    for path in files_of("models"):
        tops = {name.split(".")[0] for name in imports_of(path)}
        assert not tops & {"pytorch_lightning", "hydra", "omegaconf"}, path.name


def test_what_answers_at_once_imports_no_torch() -> None:
    modules = ", ".join(f"cnncompare.{name}" for name in WITHOUT_TORCH)
    code = f"import {modules}, sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_nothing_is_unpickled() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        assert "weights_only=False" not in text, path.name
        assert not {"pickle", "dill", "cloudpickle", "joblib"} & imports_of(path), path.name
