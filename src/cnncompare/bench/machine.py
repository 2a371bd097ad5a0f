"""The machine that the bench runs on, and how much of it other programs took; no torch."""

import os
import shutil
from typing import Any

import psutil

from cnncompare.system.cores import available_cores

VERSIONS = ("python", "torch", "torchvision", "pytorch_lightning", "cnncompare", "git_commit")


def machine_and_versions(environment: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide a run's environment into the machine and what is installed on it."""
    machine = {name: environment[name] for name in ("cpu", "os", "gpu")}
    machine |= {
        "cores": available_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }
    return machine, {name: environment[name] for name in VERSIONS}


def can_compile() -> bool:
    """Return whether there is the C++ compiler that trainer.compile needs."""
    return any(shutil.which(name) for name in ("c++", "g++"))


class Busy:
    """Tells how much of the CPU other programs took since it was made."""

    def __init__(self) -> None:
        self._before = _cpu_s()

    def other_cpu_share(self) -> float:
        """Return the share, in [0, 1], of all cores' time that went to other programs."""
        everyone, own, passed = (
            now - then for now, then in zip(_cpu_s(), self._before, strict=True)
        )
        return round(min(max((everyone - own) / passed, 0.0), 1.0), 3) if passed else 0.0


def _cpu_s() -> tuple[float, float, float]:
    """Return the seconds of all cores that were at work, those of this tree, and all there were."""
    times = psutil.cpu_times()
    everything = sum(times[:8])  # what comes after, guests, is contained in it
    idle = times.idle + getattr(times, "iowait", 0.0)
    return everything - idle, _tree_cpu_s(), everything


def _tree_cpu_s() -> float:
    """Return the CPU seconds of this process, of its descendants, and of those that have ended."""
    total = 0.0
    root = psutil.Process(os.getpid())
    for process in [root, *root.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
        total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return total
