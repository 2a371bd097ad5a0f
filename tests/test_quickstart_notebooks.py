"""The quickstart notebooks run from the wheel in an empty folder and differ in prose alone."""

from pathlib import Path

import pytest

from tests.installing import build_wheel, make_environment, run_installed

pytest.importorskip("nbclient", reason="nbclient is not installed; it is in extra dev")

from tests.notebooks import NAMES, check_results, execute, read, sources, write_kernel


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
def empty_folder(
    python_with_the_wheel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Make a kernel of that interpreter known to Jupyter; return the folder for the cells."""
    write_kernel(tmp_path / "jupyter", python_with_the_wheel)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_from_the_wheel_in_an_empty_folder(name: str, empty_folder: Path) -> None:
    """The environment borrows the packages of this one; make notebooks installs all anew."""
    check_results(execute(name, empty_folder), empty_folder)


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
