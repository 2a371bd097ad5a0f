"""Which of a run's processes this one is, and its cores; imports no torch."""

import os

RANK_VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID")  # in the order in which Lightning asks


def is_first_process() -> bool:
    """Return whether this is the process that writes; torchrun, Lightning or Slurm number them."""
    for variable in RANK_VARIABLES:
        if variable in os.environ:
            return os.environ[variable] == "0"
    return True


def cores() -> int:
    """Return how many CPU cores this process may use: a cluster or a sweep may give it fewer."""
    bound = hasattr(os, "sched_getaffinity")
    available = len(os.sched_getaffinity(0)) if bound else os.cpu_count() or 1
    granted = os.environ.get("SLURM_CPUS_PER_TASK")  # a cluster may leave it to trust
    return min(available, int(granted)) if granted else available
