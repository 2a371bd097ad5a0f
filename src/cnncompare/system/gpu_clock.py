"""The clock of a CUDA GPU, and whether it is throttled, as NVML reports them."""

from importlib import import_module

import torch

# of nvmlClocksEventReasons: power cap, slowdown and power brake in hardware, both thermal ones
_THROTTLED = 0x4 | 0x8 | 0x20 | 0x40 | 0x80


def gpu_clock(device: torch.device) -> dict[str, float | None]:
    """Return `gpu_sm_clock_mhz` and `gpu_throttled`, 0 or 1; None where NVML does not say.

    The driver samples the clock a few times a second: ask when the device has just worked.
    """
    unknown: dict[str, float | None] = {"gpu_sm_clock_mhz": None, "gpu_throttled": None}
    if device.type != "cuda":
        return unknown
    try:
        pynvml = import_module("pynvml")  # of nvidia-ml-py, which need not be there
        pynvml.nvmlInit()
        uuid = torch.cuda.get_device_properties(device).uuid
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}".encode())
        reasons = pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)
        clock = pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM)
    except Exception:  # no NVML, an old driver, a MIG slice, AMD: a clock is never worth a run
        return unknown
    return {"gpu_sm_clock_mhz": float(clock), "gpu_throttled": float(bool(reasons & _THROTTLED))}
