"""Import rules: the layers of docs/architecture.md, without cycles; packages that need no torch."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
PACKAGE = SRC / "cnncompare"
HEAVY = ("torch", "torchvision", "pytorch_lightning", "timm", "torchmetrics")

# lowest first; a package imports itself, lower layers, and of its own layer what BESIDE names
LAYERS = (
    ("errors", "language"),
    ("stats", "system", "plotting", "extensions"),
    ("models",),
    ("config",),
    ("runs", "data", "terminal"),
    ("training", "comparison", "inference"),
    ("report", "export"),
    ("sweep", "bench", "explain", "robustness"),
    ("trial",),
    ("cli", "api"),
)
BESIDE = {"terminal": {"runs"}}
# training and comparing share the run record on disk, and nothing else
FORBIDDEN = {"comparison": {"training", "data", "models"}, "report": {"training", "data", "models"}}
# packages of which every module can be imported without torch, but for the modules named
WITHOUT_TORCH: dict[str, set[str]] = {
    "cli": set(),
    "errors": set(),
    "language": set(),
    "extensions": set(),
    "config": set(),
    "runs": set(),
    "terminal": set(),
    "comparison": set(),
    "report": {"report.tensorboard"},
    "plotting": set(),
    "stats": set(),
    "sweep": {"sweep.preload", "sweep.probe"},
    "api": set(),
    "inference": {
        f"inference.{name}"
        for name in ("class_maps", "map_layer", "network", "predictor", "preprocess")
    },
    "export": {
        f"export.{name}"
        for name in ("export", "graph", "readers", "tested_images", "verification", "writers")
    }
    | {"export.card"},
    "models.catalog": {"models.catalog.tabulate"},
    "robustness": {"robustness.evaluate"},
    "trial": {"trial.trained_measures"},
}
ALSO_WITHOUT_TORCH = (
    *("system.ranks", "system.cores", "system.gpus", "system.signals", "system.cpu_usage"),
    *("system.argument_parser", "system.openmp", "system.processor"),
    *("explain.command", "explain.subject", "explain.choose_run"),
    *("training.preflight", "training.changed_data", "data.survey", "bench.command"),
    "training.components",
    *("data.audit.command", "data.audit.console", "data.audit.properties"),
    *("data.audit.duplicates", "data.corruptions"),
    *("data.sources.label_table", "data.sources.stored_arrays", "data.sources.table_columns"),
    *("data.sources.class_folders", "data.split_table", "data.walk"),
    "data.sources.imagenet.layout",
)


def modules() -> dict[str, Path]:
    """Return every module of the project by its name below cnncompare, with its file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports_of(path: Path, *, anywhere: bool = True) -> set[str]:
    """Return the names that a file imports; without `anywhere`, not those within functions."""
    names = set()
    for node in _nodes(ast.parse(path.read_text()), anywhere):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _nodes(node: ast.AST, anywhere: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if anywhere or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from _nodes(child, anywhere)


def project_imports(path: Path) -> set[str]:
    """Return the project's modules that a file imports, anywhere in it."""
    found = set()
    for name in imports_of(path):
        if name.startswith("cnncompare."):
            inner = name.removeprefix("cnncompare.")
            known = inner if inner in MODULES else inner.rpartition(".")[0]
            if known:
                found.add(known)
    return found


def package_of(module: str) -> str:
    return module.partition(".")[0]


def allowed(package: str) -> set[str]:
    """Return the packages that `package` may import."""
    rank = next(i for i, layer in enumerate(LAYERS) if package in layer)
    lower = {name for layer in LAYERS[:rank] for name in layer}
    return (lower | {package} | BESIDE.get(package, set())) - FORBIDDEN.get(package, set())


@pytest.mark.parametrize("module", [name for name in MODULES if name not in ("", "__main__")])
def test_a_module_imports_lower_layers_only(module: str) -> None:
    for imported in project_imports(MODULES[module]):
        assert package_of(imported) in allowed(package_of(module)), f"{module} imports {imported}"


def test_the_top_level_holds_four_files() -> None:
    files = {path.name for path in PACKAGE.glob("*.py")}
    assert files == {"__init__.py", "__main__.py", "cli.py", "errors.py"}


def test_every_package_has_a_layer() -> None:
    packages = {package_of(name) for name in MODULES} - {"", "__main__"}
    assert packages == {name for layer in LAYERS for name in layer}


def test_no_module_is_part_of_a_cycle() -> None:
    graph = {name: project_imports(path) - {name} for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


def test_a_cycle_would_be_found() -> None:
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"c"}, "c": {"a"}}).prepare()


def test_the_documentation_shows_the_same_layers() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    block = re.search(r"## Layers.*?```text\n(.*?)```", text, flags=re.DOTALL)
    assert block
    rows = [line for line in block[1].splitlines() if line.strip()]
    shown = tuple(tuple(re.sub(r"\s+\(.*", "", row).split(" | ")) for row in rows)
    assert [{name.strip() for name in row} for row in shown] == [set(layer) for layer in LAYERS]


def test_models_depend_on_neither_lightning_nor_hydra() -> None:
    for name, path in MODULES.items():
        if package_of(name) in ("models", "stats"):
            tops = {imported.split(".")[0] for imported in imports_of(path)}
            assert not tops & {"pytorch_lightning", "hydra", "omegaconf"}, name


def test_statistics_depend_on_nothing_else_of_the_project() -> None:
    for name, path in MODULES.items():
        if package_of(name) == "stats":
            assert {package_of(other) for other in project_imports(path)} <= {"stats"}, name


def test_what_answers_at_once_imports_no_torch() -> None:
    chosen = [
        name
        for name in MODULES
        for package, but in WITHOUT_TORCH.items()
        if (name == package or name.startswith(f"{package}.")) and name not in but
    ]
    listed = ", ".join(f"cnncompare.{name}" for name in (*chosen, *ALSO_WITHOUT_TORCH))
    code = f"import {listed}, sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_nothing_is_unpickled() -> None:
    for name, path in MODULES.items():
        assert "weights_only=False" not in path.read_text(), name
        names = imports_of(path)
        assert not names & {"pickle", "pickle.load", "pickle.loads", "pickle.Unpickler"}, name
        assert not {imported.split(".")[0] for imported in names} & {"dill", "cloudpickle"}, name
