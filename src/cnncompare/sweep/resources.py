"""Device slots: the CPU cores and GPUs divided among parallel jobs; imports no torch."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cnncompare.config.schema import Config
from cnncompare.errors import ConfigError
from cnncompare.system.cores import available_core_ids
from cnncompare.system.gpus import count_cuda_gpus


@dataclass(frozen=True)
class CoreGroup:
    """CPU cores that are used by one job only, and the GPU that goes with them, if any."""

    core_ids: tuple[int, ...]
    gpu_id: str | None = None  # as in CUDA_VISIBLE_DEVICES


@dataclass(frozen=True)
class DeviceSlot:
    """Cores and GPUs reserved for one job; `shared` is true if other jobs run in parallel."""

    groups: tuple[CoreGroup, ...]
    shared: bool

    @property
    def core_ids(self) -> list[int]:
        """CPU cores of this slot."""
        return [core_id for group in self.groups for core_id in group.core_ids]

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that restrict a job to the GPUs of this slot."""
        gpu_ids = [group.gpu_id for group in self.groups if group.gpu_id is not None]
        return {"CUDA_VISIBLE_DEVICES": ",".join(gpu_ids)} if gpu_ids else {}


class DeviceSlots:
    """Pool of free core groups, from which jobs reserve their slots."""

    def __init__(self, groups: Sequence[CoreGroup], shared: bool) -> None:
        self.free = list(groups)
        self.shared = shared

    def reserve(self, config: Config) -> DeviceSlot | None:
        """Return a slot for a job, or None while too few groups are free."""
        count = _groups_needed(config)
        if len(self.free) < count:
            return None
        reserved, self.free = self.free[:count], self.free[count:]
        return DeviceSlot(tuple(reserved), self.shared)

    def parallel_jobs(self, configs: Sequence[Config]) -> int:
        """Return the number of free slots, each large enough for any of the jobs."""
        return len(self.free) // max(_groups_needed(config) for config in configs)

    def release(self, slot: DeviceSlot) -> None:
        """Return the groups of a slot to the pool."""
        self.free.extend(slot.groups)


def slots_for(configs: Sequence[Config]) -> DeviceSlots:
    """Return the pool for `sweep.workers` parallel jobs.

    Raises ConfigError if that needs more cores or GPUs than are available.
    """
    workers = configs[0].sweep.workers
    if any(_on_gpu(config) for config in configs):
        return _gpu_slots(workers, max(_groups_needed(config) for config in configs))
    devices = max(config.trainer.devices for config in configs)
    return _cpu_slots(1 if workers == "auto" else workers, devices)


def _cpu_slots(workers: int, devices: int) -> DeviceSlots:
    core_ids = available_core_ids()
    if workers * devices > len(core_ids):
        with_devices = f" with trainer.devices={devices}" if devices > 1 else ""
        raise ConfigError(
            f"sweep.workers={workers}{with_devices} needs {workers * devices} CPU cores, but only "
            f"{len(core_ids)} are available; use at most sweep.workers={len(core_ids) // devices}"
        )
    groups = [CoreGroup(ids) for ids in _divide(core_ids, workers)]
    return DeviceSlots(groups, shared=workers > 1)


def _gpu_slots(requested: int | str, devices: int) -> DeviceSlots:
    gpu_ids = _visible_gpu_ids()
    workers = len(gpu_ids) // devices if isinstance(requested, str) else requested
    if workers * devices > len(gpu_ids):
        raise ConfigError(
            f"sweep.workers={workers} with trainer.devices={devices} needs {workers * devices} "
            f"GPUs, but only {len(gpu_ids)} are available; use sweep.workers=auto"
        )
    count = len(gpu_ids) if isinstance(requested, str) else workers * devices
    divided = _divide(available_core_ids(), count)
    groups = [CoreGroup(ids, gpu) for ids, gpu in zip(divided, gpu_ids[:count], strict=True)]
    return DeviceSlots(groups, shared=count > 1)


def _groups_needed(config: Config) -> int:
    return config.trainer.devices if _on_gpu(config) else 1


def _on_gpu(config: Config) -> bool:
    accelerator = config.trainer.accelerator
    return accelerator == "gpu" or (accelerator == "auto" and count_cuda_gpus() > 0)


def _visible_gpu_ids() -> list[str]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = count_cuda_gpus()
    gpu_ids = visible.split(",") if visible else [str(number) for number in range(count)]
    return gpu_ids[:count]


def _divide(core_ids: Sequence[int], count: int) -> list[tuple[int, ...]]:
    """Divide the cores into groups of nearly equal size; with too few cores, groups share them."""
    if count > len(core_ids):
        return [(core_ids[number % len(core_ids)],) for number in range(count)]
    bounds = [number * len(core_ids) // count for number in range(count + 1)]
    return [tuple(core_ids[a:b]) for a, b in pairwise(bounds)]
