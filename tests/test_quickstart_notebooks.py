"""The quickstart notebooks run from the wheel in an empty folder and differ in prose alone."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.installing import build_wheel, make_environment, run_installed

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed; it is in extra dev")
nbformat = pytest.importorskip("nbformat")

NAMES = ("quickstart", "quickstart_ko")
KERNEL = "from-the-wheel"


def read(name: str) -> Any:
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def sources(name: str, kind: str) -> list[str]:
    return [cell.source for cell in read(name).cells if cell.cell_type == kind]


@pytest.fixture(scope="module")
def python_with_the_wheel(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the interpreter of an environment whose cnncompare is the built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    python = make_environment(folder / "venv")
    wheel = str(build_wheel(folder / "dist"))
    run_installed(python, "-m", "pip", "install", "--no-deps", "--quiet", wheel, cwd=folder)
    where = run_installed(python, "-c", "import cnncompare; print(cnncompare.__file__)", cwd=folder)
    assert where.startswith(str(folder / "venv"))
    return python


@pytest.fixture
def kernel(
    python_with_the_wheel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """Make a kernel of that interpreter known to Jupyter; return the options of its client."""
    spec = tmp_path / "jupyter" / "kernels" / KERNEL / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [python_with_the_wheel, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": KERNEL, "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    folder = tmp_path / "empty"
    folder.mkdir()
    return {"kernel_name": KERNEL, "resources": {"metadata": {"path": str(folder)}}}


def text_of(notebook: Any) -> str:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.output_type == "error"] == []
    return "".join(output.get("text", "") for output in outputs)


def shown(notebook: Any, kind: str) -> list[str]:
    """Return the outputs of one MIME type."""
    return [
        output["data"][kind]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if kind in output.get("data", {})
    ]


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_from_the_wheel_in_an_empty_folder(
    name: str, kernel: dict[str, Any]
) -> None:
    """A failed shell command raises nothing in a notebook, so that its results are looked at."""
    notebook = read(name)
    nbclient.NotebookClient(notebook, timeout=1000, **kernel).execute()
    text = text_of(notebook)
    folder = Path(kernel["resources"]["metadata"]["path"])
    records = [json.loads(path.read_text()) for path in folder.glob("outputs/notebook/*/run.json")]
    assert [record["status"] for record in records] == ["finished"] * 9
    assert "9 finished" in text
    assert "Tie groups" in text
    assert "\x1b[2K" not in text, "a bar was drawn"
    (page,) = shown(notebook, "text/html")
    report = (folder / "outputs" / "notebook" / "report.html").read_text("utf-8")
    assert 'srcdoc="&lt;!doctype html&gt;' in page.lower()
    assert len(page) > len(report) > 100_000
    assert len(shown(notebook, "image/png")) == 3
    assert (folder / "my-digit.png").is_file()
    assert sorted(os.listdir(folder)) == ["answers.png", "my-digit.png", "outputs"]


def test_the_two_notebooks_have_the_same_code() -> None:
    english, korean = (sources(name, "code") for name in NAMES)
    assert len(english) >= 8
    assert english == korean


def test_the_two_notebooks_have_the_same_sections_in_two_languages() -> None:
    kinds = [[cell.cell_type for cell in read(name).cells] for name in NAMES]
    assert kinds[0] == kinds[1]
    for english, korean in zip(*(sources(name, "markdown") for name in NAMES), strict=True):
        assert english.isascii()
        assert any("가" <= letter <= "힣" for letter in korean)
        assert english.count("\n#") == korean.count("\n#")


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_says_how_to_run_it_on_colab_and_kaggle(name: str) -> None:
    first = "\n".join(sources(name, "markdown")[:2])
    for term in ("Colab", "Kaggle", "GPU", "%pip install cnncompare", "Internet"):
        assert term in first


@pytest.mark.parametrize("name", NAMES)
def test_a_quickstart_notebook_is_stored_without_outputs(name: str) -> None:
    code = [cell for cell in read(name).cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
