"""Shared memory through which decoding processes pass batches to the process that trains."""

import shutil
from pathlib import Path

from cnncompare.errors import DataError

SHARED_MEMORY = Path("/dev/shm")
PREFETCH = 2  # batches that each worker of a DataLoader decodes ahead; its default


def check_shared_memory(workers: int, batch_bytes: int) -> None:
    """Raise DataError if the batches of all workers do not fit into the free shared memory.

    Only Linux limits it, to 64 MiB in a Docker container by default.
    """
    if workers == 0 or not SHARED_MEMORY.is_dir():
        return
    needed, free = workers * PREFETCH * batch_bytes, shutil.disk_usage(SHARED_MEMORY).free
    if needed > free:
        raise too_small(workers, f" ({_mib(needed)} needed, {_mib(free)} free)")


def too_small(workers: int, details: str = "") -> DataError:
    """Return the error for shared memory that the workers' batches do not fit into."""
    plural = "" if workers == 1 else "s"
    return DataError(
        f"{SHARED_MEMORY} is too small for {workers} worker{plural}: use data.workers=0, or "
        f"docker run --shm-size=1g{details}"
    )


def _mib(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"
