"""What the tests of the data share: small configurations, and folders of images."""

from typing import Any

import pytest

from cnncompare.config import AugmentConfig, DataConfig, SyntheticConfig
from cnncompare.data.module import ImageData


@pytest.fixture
def synthetic_data():
    """Return a maker of prepared synthetic data; keywords are DataConfig's."""

    def make(seed: int = 0, n_train: int = 300, n_test: int = 50, **changes: Any) -> ImageData:
        values: dict[str, Any] = {
            "name": "synthetic",
            "source": "synthetic",
            "synthetic": SyntheticConfig(classes=5, n_train=n_train, n_test=n_test),
            "batch_size": 32,
            "augment": AugmentConfig(crop_padding=4, flip=True),
        }
        data = ImageData(DataConfig(**(values | changes)), seed=seed)
        data.prepare()
        return data

    return make
