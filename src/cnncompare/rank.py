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
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
