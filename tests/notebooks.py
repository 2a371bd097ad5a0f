"""The quickstart notebooks: their cells, a kernel of another environment, checks of the results."""

import json
import os
from pathlib import Path
from typing import Any

import nbclient
import nbformat

from tests.conftest import ROOT

NAMES = ("quickstart", "quickstart_ko")
KERNEL = "from-the-wheel"


def read(name: str) -> Any:
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def sources(name: str, kind: str) -> list[str]:
    return [cell.source for cell in read(name).cells if cell.cell_type == kind]


def write_kernel(folder: Path, python: str) -> None:
    """Describe a kernel of the interpreter below `folder`, which JUPYTER_PATH has to name."""
    spec = folder / "kernels" / KERNEL / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": KERNEL, "language": "python"}))


def execute(name: str, folder: Path) -> Any:
    """Return the notebook with its outputs after all cells ran in `folder` by that kernel."""
    notebook = read(name)
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(
        notebook, timeout=3600, kernel_name=KERNEL, resources=resources
    ).execute()
    return notebook


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


def check_results(notebook: Any, folder: Path) -> None:
    """Look at the results: a failed shell command raises nothing in a notebook."""
    text = text_of(notebook)
    records = [json.loads(path.read_text()) for path in folder.glob("outputs/notebook/*/run.json")]
    assert [record["status"] for record in records] == ["finished"] * 9, text
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
