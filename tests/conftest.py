"""What all tests share: composed configurations, the command line, the shared images."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from cnncompare.config import Config, validate
from cnncompare.config_files import conf_folder

ROOT = Path(__file__).resolve().parents[1]


def compose_config(*overrides: str) -> Config:
    """Return the validated configuration that these words compose to."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return validate(compose("config", list(overrides)))


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
