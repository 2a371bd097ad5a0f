"""Small trained runs to export."""

from pathlib import Path

import pytest

from cnncompare.runs.run import Run
from tests.inference.conftest import DIGITS, train_in


@pytest.fixture(scope="session")
def exported_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def lenet(exported_runs: Path) -> Run:
    return train_in(exported_runs, "model=lenet5", "name=lenet", *DIGITS, "trainer.max_epochs=4")


@pytest.fixture(scope="session")
def mobilenet(exported_runs: Path) -> Run:
    """Return a run of the network as published, for colour images of 64 pixels."""
    return train_in(
        exported_runs,
        *("model=mobilenet_v2", "model.stem=imagenet", "data=synthetic", "name=mobilenet"),
        *("data.synthetic.classes=6", "data.image_size=64", *DIGITS[2:]),
        *("data.limit_train=64", "data.limit_test=33"),
    )
