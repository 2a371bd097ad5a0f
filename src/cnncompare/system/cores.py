"""The CPU cores that this process may use."""

import os


def cores() -> int:
    """Return how many CPU cores this process may use: a cluster or a sweep may give it fewer."""
    bound = hasattr(os, "sched_getaffinity")
    available = len(os.sched_getaffinity(0)) if bound else os.cpu_count() or 1
    granted = os.environ.get("SLURM_CPUS_PER_TASK")  # a cluster may leave it to trust
    return min(available, int(granted)) if granted else available
