"""Checks of names, extras, devices and folders before torch is imported."""

import os
import platform
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from cnncompare.config.data import DataConfig
from cnncompare.config.schema import Config
from cnncompare.errors import ConfigError, OutputError
from cnncompare.system.gpus import count_cuda_gpus
from cnncompare.training.changed_data import check_data_unchanged
from cnncompare.training.components import check_components

FREE_MIB = 64  # minimum free space of a run: records, event files and figures


def preflight(config: Config, *, here: bool = True) -> None:
    """Raise a UserError if this machine cannot execute the configuration; write nothing.

    With `here=False` the devices are not checked, because they are those of another machine.
    """
    check_data_unchanged(config)
    check_components(config)
    _check_model(config)
    _check_extras(config)
    if here:
        _check_devices(config)
    _check_images(config.data, trains=config.trains)
    _check_output(config.run_folder())


def _check_model(config: Config) -> None:
    from cnncompare.models.catalog.names import check_name, check_weights, is_file
    from cnncompare.models.catalog.smallest_sizes import check_image_size
    from cnncompare.models.pretrained.file_kinds import check_weights_file

    model = config.model
    if model.weights is not None and is_file(model.weights):
        check_weights_file(Path(model.weights).expanduser())
    if model.module is None:
        check_name(model.source, model.name)
        check_weights(model.source, model.name, model.weights, model.weights_map)
        if not model.options:
            size = config.data.image_size
            check_image_size(model.source, model.name, model.stem, model.weights, size)


def _check_extras(config: Config) -> None:
    for extra in ("mlflow", "wandb"):
        if getattr(config.logger, extra) is not None and find_spec(extra) is None:
            raise ConfigError(
                f"logger={extra} needs the package {extra}: pip install 'cnncompare[{extra}]'"
            )


def _check_devices(config: Config) -> None:
    requested, accelerator = config.trainer.devices_per_node, config.trainer.accelerator
    gpus = count_cuda_gpus()
    if accelerator == "mps" and (sys.platform, platform.machine()) != ("darwin", "arm64"):
        raise ConfigError(
            "trainer.accelerator=mps: there is no Apple GPU here; use "
            + ("gpu, cpu or auto" if gpus else "cpu or auto")
        )
    if accelerator == "gpu" and gpus == 0 and sys.platform != "darwin":
        raise ConfigError("trainer.accelerator=gpu: there is no CUDA GPU here; use cpu or auto")
    on_gpu = accelerator == "gpu" or (accelerator == "auto" and gpus > 0)
    kind, available = ("GPU", gpus) if on_gpu else ("CPU core", os.cpu_count() or 1)
    if accelerator == "mps":
        kind, available = "MPS device", 1
    if isinstance(config.trainer.devices, list):
        _check_gpu_numbers(config.trainer.devices, gpus if on_gpu else 0)
    if requested > available:
        plural = "s" if available != 1 else ""
        raise ConfigError(
            f"trainer.devices={requested}: there {'are' if plural else 'is'} only {available} "
            f"{kind}{plural} here"
        )


def _check_gpu_numbers(numbers: list[int], gpus: int) -> None:
    """Raise ConfigError for the number of a GPU that is not among the `gpus` that can be used."""
    if max(numbers) < gpus:
        return
    listed = ",".join(map(str, numbers))
    found = f"the GPUs here are 0 to {gpus - 1}" if gpus else "no CUDA GPU is used here"
    advice = "choose among them" if gpus else f"use trainer.devices={len(numbers)}"
    raise ConfigError(f"trainer.devices=[{listed}]: {found}; {advice}")


def _check_images(config: DataConfig, *, trains: bool) -> None:
    from cnncompare.data.sources.class_sizes import check_class_sizes, check_split_sizes
    from cnncompare.data.sources.count_classes import count_classes

    if config.source == "imagenet":
        from cnncompare.data.sources.imagenet.layout import detect_layout

        detect_layout(config.root or "")
    sizes = count_classes(config)
    if sizes is not None:
        check_class_sizes(sizes, config)
        if trains:
            check_split_sizes(sizes, config)
    if config.split is not None:
        from cnncompare.data.split_table import read_split_table

        read_split_table(config.split)


def _check_output(folder: Path) -> None:
    """Check that the nearest existing folder can be written and has free space."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    advice = "choose another folder with output_root=PATH"
    if not existing.is_dir():
        raise OutputError(f"{existing} is a file, not a folder; {advice}")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write to {existing}: permission denied; {advice}")
    free_mib = shutil.disk_usage(existing).free / 2**20
    if free_mib < FREE_MIB:
        raise OutputError(
            f"{existing} has {free_mib:.0f} MiB free, a run needs {FREE_MIB} or more; "
            f"free some space or {advice}"
        )
