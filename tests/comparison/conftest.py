"""Fixtures of the comparison's tests."""

from pathlib import Path

import pytest

from tests.comparison.factory import write_sweep


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Three models, two of them close, three seeds each, 1,000 test images."""
    write_sweep(tmp_path / "sweep", {"resnet20": 0.93, "vgg16": 0.925, "lenet5": 0.80})
    return tmp_path / "sweep"
