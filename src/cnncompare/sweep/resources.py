"""Where jobs run: cores and GPUs, divided so that no two jobs share one; imports no torch."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cnncompare.config.schema import Config
from cnncompare.errors import ConfigError
from cnncompare.system.gpus import cuda_gpus


@dataclass(frozen=True)
class Unit:
    """A GPU with its share of the cores, or such a share alone."""

    cores: tuple[int, ...]
    gpu: str | None = None  # as CUDA_VISIBLE_DEVICES names it


@dataclass(frozen=True)
class Place:
    """What one job has to itself; `shared` is whether others run beside it."""

    units: tuple[Unit, ...]
    shared: bool

    @property
    def cores(self) -> list[int]:
        """The numbers of its CPU cores."""
        return [core for unit in self.units for core in unit.cores]

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that restrict a process to its GPUs."""
        gpus = [unit.gpu for unit in self.units if unit.gpu is not None]
        return {"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}


class Places:
    """The units that are free; jobs take them and give them back."""

    def __init__(self, units: Sequence[Unit], shared: bool) -> None:
        self.units = list(units)
        self.shared = shared

    def take(self, config: Config) -> Place | None:
        """Return a place for a job, or None while there is none."""
        count = _units_needed(config)
        if len(self.units) < count:
            return None
        taken, self.units = self.units[:count], self.units[count:]
        return Place(tuple(taken), self.shared)

    def give_back(self, place: Place) -> None:
        """Make what a job had available again."""
        self.units.extend(place.units)


def places_for(configs: Sequence[Config]) -> Places:
    """Return the places that `sweep.workers` asks for; raises ConfigError beyond what there is."""
    asked = configs[0].sweep.workers
    if any(_on_gpu(config) for config in configs):
        return _gpu_places(asked, max(_units_needed(config) for config in configs))
    cores, devices = _cores(), max(config.trainer.devices for config in configs)
    workers = 1 if asked == "auto" else asked
    if workers * devices > len(cores):
        with_devices = f" with trainer.devices={devices}" if devices > 1 else ""
        raise ConfigError(
            f"sweep.workers={workers}{with_devices} needs {workers * devices} CPU cores, there are "
            f"{len(cores)}; sweep.workers={len(cores) // devices} would do"
        )
    return Places([Unit(group) for group in _groups(cores, workers)], shared=workers > 1)


def _gpu_places(asked: int | str, devices: int) -> Places:
    gpus = _gpu_names()
    workers = len(gpus) // devices if isinstance(asked, str) else asked
    if workers * devices > len(gpus):
        raise ConfigError(
            f"sweep.workers={workers} with trainer.devices={devices} needs {workers * devices} "
            f"GPUs, there are {len(gpus)}; sweep.workers=auto takes what there is"
        )
    count = len(gpus) if isinstance(asked, str) else workers * devices
    groups = _groups(_cores(), count)
    units = [Unit(group, gpu) for group, gpu in zip(groups, gpus[:count], strict=True)]
    return Places(units, shared=count > 1)


def _units_needed(config: Config) -> int:
    return config.trainer.devices if _on_gpu(config) else 1


def _on_gpu(config: Config) -> bool:
    accelerator = config.trainer.accelerator
    return accelerator == "gpu" or (accelerator == "auto" and cuda_gpus() > 0)


def _gpu_names() -> list[str]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = visible.split(",") if visible else [str(number) for number in range(cuda_gpus())]
    return names[: cuda_gpus()]


def _cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _groups(cores: Sequence[int], count: int) -> list[tuple[int, ...]]:
    """Divide the cores into groups of nearly one size; with too few, groups share them."""
    if count > len(cores):
        return [(cores[number % len(cores)],) for number in range(count)]
    bounds = [number * len(cores) // count for number in range(count + 1)]
    return [tuple(cores[a:b]) for a, b in pairwise(bounds)]
