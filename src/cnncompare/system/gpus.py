"""Number, clock and throttling of CUDA GPUs; importing it does not import torch."""

import ctypes
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# of nvmlClocksEventReasons: power cap, hardware slowdown and power brake, both thermal slowdowns
_THROTTLED = 0x4 | 0x8 | 0x20 | 0x40 | 0x80
# CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
_CAPABILITY_MAJOR = 75


def count_cuda_gpus() -> int:
    """Return the number of CUDA GPUs visible to this process, as the driver counts them."""
    return _count(_load_driver())


def lowest_compute_capability() -> int:
    """Return the lowest major compute capability of the visible GPUs, 8 for Ampere; 0 without."""
    driver = _load_driver()
    found = []
    for ordinal in range(_count(driver)):
        device, major = ctypes.c_int(0), ctypes.c_int(0)
        driver.cuDeviceGet(ctypes.byref(device), ordinal)
        driver.cuDeviceGetAttribute(ctypes.byref(major), _CAPABILITY_MAJOR, device)
        found.append(major.value)
    return min(found, default=0)


def _load_driver() -> Any:
    """Return the CUDA driver, None without one."""
    try:
        return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None


def _count(driver: Any) -> int:
    count = ctypes.c_int(0)
    if driver is None or driver.cuInit(0) != 0:
        return 0
    return 0 if driver.cuDeviceGetCount(ctypes.byref(count)) != 0 else count.value


def gpu_clock(device: "torch.device") -> dict[str, float | None]:
    """Return `gpu_sm_clock_mhz` and `gpu_throttled` (0 or 1); None where NVML cannot read them.

    The driver samples the clock a few times per second, so call this right after the device worked.
    """
    unknown: dict[str, float | None] = {"gpu_sm_clock_mhz": None, "gpu_throttled": None}
    if device.type != "cuda":
        return unknown
    try:
        clock_mhz, reasons = _read_clock(device)
    except Exception:  # no NVML, an old driver, a MIG slice, AMD: a clock must not fail a run
        return unknown
    throttled = float(bool(reasons & _THROTTLED))
    return {"gpu_sm_clock_mhz": float(clock_mhz), "gpu_throttled": throttled}


def _read_clock(device: "torch.device") -> tuple[int, int]:
    """Return the SM clock in MHz and NVML's bit mask of throttle reasons."""
    import torch

    pynvml = import_module("pynvml")  # package nvidia-ml-py, an optional dependency
    pynvml.nvmlInit()
    uuid = torch.cuda.get_device_properties(device).uuid
    handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}".encode())
    reasons: int = pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)
    clock_mhz: int = pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM)
    return clock_mhz, reasons
