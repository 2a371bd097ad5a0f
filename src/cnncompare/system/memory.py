"""Peak memory of this process and of its device."""

import re
import sys
from pathlib import Path

import torch

MIB = 2**20


def peak_rss_mib() -> float | None:
    """Return the most memory this process ever held, in MiB; None where it cannot be known.

    On Linux VmHWM: ru_maxrss also counts what the process was before exec, so a fresh child of a
    large parent would start at the parent's peak.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        return int(found[1]) / 1024 if found else None
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MIB if sys.platform == "darwin" else peak / 1024  # bytes on macOS, else KiB


def peak_gpu_mib() -> float | None:
    """Return the most memory tensors held on the current CUDA device, in MiB; None without one."""
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return peak / MIB if peak else None  # nothing was put there: the run was on the CPU
