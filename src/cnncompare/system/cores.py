"""The CPU cores available to this process; imports no torch."""

import os


def available_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(available_core_ids())


def available_core_ids() -> list[int]:
    """Return the ids of the CPU cores that this process may use, in ascending order.

    Both the CPU affinity, which a sweep sets for its jobs, and the allocation of Slurm limit them.
    """
    if hasattr(os, "sched_getaffinity"):
        ids = sorted(os.sched_getaffinity(0))
    else:
        ids = list(range(os.cpu_count() or 1))
    allocated = os.environ.get("SLURM_CPUS_PER_TASK")  # Slurm need not bind a task to its cores
    return ids[: int(allocated)] if allocated else ids
