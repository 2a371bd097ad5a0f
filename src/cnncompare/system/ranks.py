"""Rank of this process in distributed training; imports no torch."""

import os

RANK_VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID")  # in the order of Lightning


def is_rank_zero() -> bool:
    """Return whether this process has rank 0, which writes the files."""
    return process_rank() == 0


def process_rank() -> int:
    """Return the rank of this process as set by torchrun, Lightning or Slurm; 0 by default."""
    for variable in RANK_VARIABLES:
        if variable in os.environ:
            return int(os.environ[variable])
    return 0
