"""What all tests share: the command line as a user calls it, and the shared images."""

import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HAS_SOURCES = (ROOT / "src").is_dir()
# Without them, the tests run against an installed wheel, and these examine the sources.
collect_ignore = (
    []
    if HAS_SOURCES
    else [
        "test_architecture_figures.py",
        "test_import_rules.py",
        "test_packaging.py",
        "test_vocabulary.py",
    ]
)


@pytest.fixture
def cnncompare(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``python -m cnncompare`` in an empty folder, as a user would."""

    def call(
        *words: str, cwd: Path = tmp_path, timeout: float = 240, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cnncompare", *words],
            cwd=cwd,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return call


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of the shared test images, or skip."""
    folder = Path(os.environ.get("CNNCOMPARE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "cifar10-jpeg.tar.xz").exists():
        pytest.skip("no shared test images; CNNCOMPARE_TEST_DATA names their folder")
    return folder


@pytest.fixture(scope="session")
def imagenet_sample(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with 500 real ImageNet images below val/, one of each of 500 classes."""
    root = tmp_path_factory.mktemp("imagenet_sample")
    with tarfile.open(shared_data / "imagenet-sample-500.tar") as archive:
        archive.extractall(root, filter="data")
    return root


@pytest.fixture(scope="session")
def trained_pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a study of two networks, briefly trained on digits, that disagree on some images."""
    from tests.inference.conftest import DIGITS, train_in

    outputs = tmp_path_factory.mktemp("trained_pair")
    for model in ("lenet5", "quicknet"):
        train_in(outputs, f"model={model}", "name=pair", *DIGITS, "trainer.max_epochs=4")
    return outputs / "pair"


@pytest.fixture
def torch_as_before() -> Iterator[None]:
    """Restore torch's settings after a training in this process."""
    import torch

    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)
