"""The number of CUDA GPUs; imports no torch."""

import ctypes
import sys


def cuda_gpus() -> int:
    """Return how many CUDA GPUs this process sees, by the driver's own count, without torch."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value
