"""Peak memory of this process and of its GPU."""

import re
import sys
from pathlib import Path

import torch

MIB = 2**20


def peak_rss_mib() -> float | None:
    """Return the peak resident set size of this process, in MiB; None where it cannot be read.

    Linux provides it as VmHWM. ru_maxrss survives exec there, so a new child of a large parent
    would start at the parent's peak.
    """
    status = Path("/proc/self/status")
    if status.exists():
        match = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        return int(match[1]) / 1024 if match else None
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MIB if sys.platform == "darwin" else peak / 1024  # bytes on macOS, else KiB


def peak_gpu_mib() -> float | None:
    """Return the peak memory of tensors on the current CUDA device, in MiB; None without use."""
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return peak / MIB if peak else None  # 0 on a machine with a GPU: the run was on the CPU
