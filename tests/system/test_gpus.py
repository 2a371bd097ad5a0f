from ctypes import c_int
from typing import Any

import pytest

from cnncompare.system import gpus


class FakeDriver:
    """The CUDA driver of a machine whose GPUs have these major compute capabilities."""

    def __init__(self, capabilities: list[int], status: int = 0) -> None:
        self.capabilities, self.status = capabilities, status

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return self.status

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = len(self.capabilities)
        return 0

    def cuDeviceGet(self, device: Any, ordinal: int) -> int:  # noqa: N802
        device._obj.value = ordinal
        return 0

    def cuDeviceGetAttribute(self, value: Any, attribute: int, device: c_int) -> int:  # noqa: N802
        assert attribute == 75  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR in cuda.h
        value._obj.value = self.capabilities[device.value]
        return 0


@pytest.mark.parametrize(
    ("driver", "count", "lowest"),
    [
        (None, 0, 0),
        (FakeDriver([]), 0, 0),
        (FakeDriver([9]), 1, 9),
        (FakeDriver([9, 7, 8]), 3, 7),
        (FakeDriver([9], status=100), 0, 0),
    ],
)
def test_the_driver_is_asked(
    driver: FakeDriver | None, count: int, lowest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "_load_driver", lambda: driver)
    assert gpus.count_cuda_gpus() == count
    assert gpus.lowest_compute_capability() == lowest
