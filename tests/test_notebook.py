"""The notebook of the Python interface runs from top to bottom in an empty folder."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed; it is in extra dev")
nbformat = pytest.importorskip("nbformat")

NOTEBOOK = ROOT / "notebooks" / "python_api.ipynb"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_notebook_runs(tmp_path: Path) -> None:
    notebook: Any = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "".join(output.get("text", "") for output in outputs)
    assert text.count("finished") >= 4
    assert "quicknet" in text
    assert "digits/4.png" in text
    assert len(list((tmp_path / "outputs" / "notebook").glob("*/run.json"))) == 4


def test_the_notebook_is_stored_without_outputs() -> None:
    notebook: Any = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
