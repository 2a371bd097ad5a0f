"""Instruction sets of the processor, as the kernel lists them; imports no torch."""

from collections.abc import Callable
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
# flags of x86 and ARM processors that multiply bf16 matrices in hardware, the fastest first
BF16_UNITS = {"amx_bf16": "AMX", "avx512_bf16": "AVX512_BF16", "bf16": "ARM bf16"}


def read_cpuinfo() -> str:
    """Return the kernel's description of the processors, "" if there is none."""
    try:
        return CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def cpu_flags(read: Callable[[], str] | None = None) -> frozenset[str] | None:
    """Return the flags of the first processor; None if the system does not list them."""
    for line in (read or read_cpuinfo)().splitlines():
        name, _, flags = line.partition(":")
        if name.strip() in ("flags", "Features"):  # on x86, on ARM
            return frozenset(flags.split())
    return None


def bf16_unit(flags: frozenset[str] | None) -> str | None:
    """Return the name of the fastest unit for bf16 among the flags, None without one."""
    return next((unit for flag, unit in BF16_UNITS.items() if flag in (flags or ())), None)
