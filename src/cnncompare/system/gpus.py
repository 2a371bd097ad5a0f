"""Number, clock and throttling of CUDA GPUs; importing it does not import torch."""

import ctypes
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# of nvmlClocksEventReasons: power cap, hardware slowdown and power brake, both thermal slowdowns
_THROTTLED = 0x4 | 0x8 | 0x20 | 0x40 | 0x80


def count_cuda_gpus() -> int:
    """Return the number of CUDA GPUs visible to this process, as the driver counts them."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


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
