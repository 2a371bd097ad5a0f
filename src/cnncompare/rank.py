"""Which of a run's processes this one is; imports no torch."""

import os

RANK_VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID")  # in the order in which Lightning asks


def is_first_process() -> bool:
    """Return whether this is the process that writes; torchrun, Lightning or Slurm number them."""
    for variable in RANK_VARIABLES:
        if variable in os.environ:
            return os.environ[variable] == "0"
    return True
