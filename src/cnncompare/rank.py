"""Which of a run's processes this one is, and its cores; imports no torch."""

import os

RANK_VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID")  # in the order in which Lightning asks


def is_first_process() -> bool:
    """Return whether this is the process that writes; torchrun, Lightning or Slurm number them."""
    return process_number() == 0


def process_number() -> int:
    """Return this process's number among those that take part in the run, from 0."""
    for variable in RANK_VARIABLES:
        if variable in os.environ:
            return int(os.environ[variable])
    return 0


def cores() -> int:
    """Return how many CPU cores this process may use: a cluster or a sweep may give it fewer."""
    bound = hasattr(os, "sched_getaffinity")
    available = len(os.sched_getaffinity(0)) if bound else os.cpu_count() or 1
    granted = os.environ.get("SLURM_CPUS_PER_TASK")  # a cluster may leave it to trust
    return min(available, int(granted)) if granted else available
