"""CPU usage of other processes, from the counters of the operating system; imports no torch."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import psutil


class CpuTimes(NamedTuple):
    """CPU time in seconds since an arbitrary moment, summed over the cores of this process."""

    busy: float  # of all processes, including other guests of the hypervisor
    own: float  # of this process and its descendants
    total: float  # busy and idle


def cpu_times() -> CpuTimes | None:
    """Return the CPU times up to now; None where they cannot be read or attributed.

    Counters have a resolution of 10 ms, so the share over a short epoch is approximate. Other ranks
    that torchrun or Slurm started are not descendants of this process and would count as foreign.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ or int(os.environ.get("SLURM_NTASKS", 1)) > 1:
        return None
    try:
        cores = psutil.cpu_times(percpu=True)
        if hasattr(os, "sched_getaffinity"):
            cores = [cores[core_id] for core_id in os.sched_getaffinity(0)]
        return CpuTimes(
            busy=sum(_busy(core) for core in cores),
            own=_own(psutil.Process()),
            total=sum(_busy(core) + core.idle + getattr(core, "iowait", 0.0) for core in cores),
        )
    except (psutil.Error, OSError, IndexError):
        return None


class OtherCpuUsage:
    """Measures the share of the cores that other processes use."""

    def __init__(self, read: Callable[[], CpuTimes | None] = cpu_times) -> None:
        self._read = read
        self._started: CpuTimes | None = None

    def start(self) -> None:
        """Start a measurement, or restart it."""
        self._started = self._read()

    def share(self) -> float | None:
        """Return the share since `start`, in [0, 1]; None where it cannot be measured."""
        now, before = self._read(), self._started
        if now is None or before is None or now.total <= before.total:
            return None
        others = (now.busy - before.busy) - (now.own - before.own)
        return min(1.0, max(0.0, others / (now.total - before.total)))


def _busy(core: Any) -> float:
    names = ("user", "nice", "system", "irq", "softirq", "steal")  # user includes guest
    return sum(getattr(core, name, 0.0) for name in names)


def _own(process: psutil.Process) -> float:
    """Return the CPU seconds of the process and its descendants, including terminated children."""
    total = 0.0
    for member in (process, *process.children(recursive=True)):
        try:
            total += sum(member.cpu_times()[:4])  # user, system, and both of terminated children
        except psutil.NoSuchProcess:
            continue
    return total
