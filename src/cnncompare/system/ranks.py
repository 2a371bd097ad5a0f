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
