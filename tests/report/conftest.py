"""Studies to report on, and a report without figure files."""

from pathlib import Path

import pytest

from cnncompare.report.command import main
from cnncompare.report.figures import file_stem
from tests.comparison.factory import write_sweep

NASTY = "<img src=x onerror=alert(1)><script>alert(1)</script>"


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no files, which take a quarter of a second each; other tests draw them."""
    monkeypatch.setattr(
        "cnncompare.report.write.write_figures",
        lambda figures, folder: {f.name: file_stem(f.name) for f in figures},
    )
    monkeypatch.setattr("cnncompare.report.write.write_events", lambda *arguments: None)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a report of three models, one of them with a malicious name."""
    root = tmp_path_factory.mktemp("sweep")
    options = {"lenet5": {"params": 6_000, "epoch_s": 3.0}}
    write_sweep(root, {"resnet20": 0.93, NASTY: 0.92, "lenet5": 0.8}, n=400, options=options)
    write_sweep(root, {"vgg16": 0.9}, seeds=1, n=400, status="failed")
    assert main([str(root)]) == 0
    return root


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Three models, two of them close, three seeds each."""
    write_sweep(tmp_path / "sweep", {"resnet20": 0.93, "vgg16": 0.925, "lenet5": 0.80}, n=400)
    return tmp_path / "sweep"
