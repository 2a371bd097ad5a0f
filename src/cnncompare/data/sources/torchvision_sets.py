"""Data sets of torchvision.datasets that fit in memory, downloaded once and verified by MD5."""

import errno
import inspect
import io
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision.datasets
from filelock import FileLock
from PIL import Image
from torch import Tensor
from torchvision.datasets.utils import calculate_md5, check_integrity

from cnncompare.config.data import DataConfig
from cnncompare.data.decode import DecodeOptions, to_pixels
from cnncompare.data.source import Source, full_split
from cnncompare.errors import DataError, closest

_RESERVED = {"root", "download", "transform", "target_transform", "transforms", "loader"}
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
_SOCKET_TIMEOUT_S = 30.0  # without data from the server


def load_torchvision(config: DataConfig) -> Source:
    """Return the data set `data.torchvision.dataset`; download it to `data.root` if missing.

    Raises DataError for an unknown class or argument, a failed download, a wrong checksum, labels
    that do not match the classes, and images without a common size.
    """
    assert config.torchvision is not None
    requested = config.torchvision
    dataset_class = _dataset_class(requested.dataset)
    root = Path(os.path.abspath(os.path.expanduser(config.root or f"{config.cache_dir}/downloads")))
    datasets = [
        _open(dataset_class, root, arguments, config)
        for arguments in (requested.train, requested.test)
    ]
    images, labels = zip(*(_arrays(dataset, config) for dataset in datasets), strict=True)
    names = getattr(datasets[0], "classes", None) or range(1 + max(int(x.max()) for x in labels))
    classes = [str(name) for name in names]
    for split_images, split_labels in zip(images, labels, strict=True):
        _check_arrays(config.name, split_images, split_labels, len(classes))
    return Source(
        classes=classes,
        shape=(images[0].shape[1], images[0].shape[2], images[0].shape[3]),
        train=full_split(images[0], labels[0]),
        test=full_split(images[1], labels[1]),
    )


def _dataset_class(name: str) -> Any:
    dataset_class = getattr(torchvision.datasets, name, None) if name[:1].isupper() else None
    if name in torchvision.datasets.__all__ and inspect.isclass(dataset_class):
        return dataset_class
    raise DataError(
        f"data.torchvision.dataset={name} is not a class of torchvision.datasets"
        f"{closest(name, torchvision.datasets.__all__)}"
    )


def _open(cls: Any, root: Path, arguments: Mapping[str, Any], config: DataConfig) -> Any:
    parameters = set(inspect.signature(cls).parameters)
    for argument in arguments:
        if argument not in parameters - _RESERVED:
            raise DataError(
                f"torchvision.datasets.{cls.__name__} has no argument {argument!r}; "
                f"it has {', '.join(sorted(parameters - _RESERVED))}"
            )
    fixed = {"root": str(root), "download": True}
    fixed = {name: value for name, value in fixed.items() if name in parameters}
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _folder_lock(root), _quiet_unless_terminal(), _socket_timeout():
            return cls(**fixed, **arguments)
    except Exception as error:  # the classes of torchvision raise many different types
        raise _download_error(error, cls, root, arguments, config) from None


def _download_error(
    error: Exception, cls: Any, root: Path, arguments: Mapping[str, Any], config: DataConfig
) -> DataError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[-1]  # the last has the cause
    reason = reason.removeprefix("<urlopen error ").removesuffix(">")
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        return DataError(f"data.root={root} is not writable ({reason}); set another folder")
    archives = _archives(cls, root, arguments)
    missing = [pair for pair in archives if not check_integrity(*pair)]
    if archives and not missing:
        return DataError(f"data={config.name} could not be read from {root} ({reason})")
    for path, md5 in missing:
        if os.path.exists(path):
            return DataError(
                f"{path} has the MD5 {calculate_md5(path)} instead of {md5}: it is corrupt or "
                f"incomplete; run again to download it again, or replace it"
            )
    names = ", ".join(Path(path).name for path, _ in missing) or "its archive"
    folder = Path(missing[0][0]).parent if missing else root
    return DataError(
        f"data={config.name} could not be downloaded ({reason}); put {names} into {folder}, "
        f"or use data=digits, which needs no download"
    )


def _archives(cls: Any, root: Path, arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return path and MD5 of each file that the class downloads, as far as it lists them."""
    if hasattr(cls, "tgz_md5"):
        return [(str(root / cls.filename), cls.tgz_md5)]
    if hasattr(cls, "resources"):
        folder = root / cls.__name__ / "raw"
        return [(str(folder / name), md5) for name, md5 in cls.resources if isinstance(md5, str)]
    if isinstance(getattr(cls, "split_list", None), dict):
        split = "train" if arguments.get("train", True) else "test"
        _, name, md5 = cls.split_list[arguments.get("split", split)]
        return [(str(root / name), md5)]
    return []


def _arrays(dataset: Any, config: DataConfig) -> tuple[Tensor, Tensor]:
    """Return the uint8 images [N, C, H, W] and int64 labels [N] of a data set."""
    data = getattr(dataset, "data", None)
    labels = getattr(dataset, "targets", getattr(dataset, "labels", None))
    if isinstance(data, np.ndarray | Tensor) and labels is not None:
        return _channels_first(torch.as_tensor(data)), torch.as_tensor(labels).long()
    return _decode(dataset, config)


def _channels_first(images: Tensor) -> Tensor:
    if images.ndim == 3:
        return images.unsqueeze(1)
    if images.shape[1] in (1, 3):
        return images.contiguous()
    return images.permute(0, 3, 1, 2).contiguous()


def _decode(dataset: Any, config: DataConfig) -> tuple[Tensor, Tensor]:
    """Return the arrays of a data set that opens one image at a time."""
    size, channels = config.image_size, config.channels or 3
    if size is None:
        raise DataError(
            f"the images of data={config.name} have no common size; set one, "
            f"such as data.image_size=224"
        )
    gib = len(dataset) * channels * size**2 / 2**30
    if gib > config.cache_limit_gib:
        raise DataError(
            f"data={config.name} would take {gib:.1f} GiB of memory, more than "
            f"data.cache_limit_gib={config.cache_limit_gib:g}; unpack it and use data=folder"
        )
    options = DecodeOptions(channels, size, size, size, reference_file="")
    images = torch.empty(len(dataset), channels, size, size, dtype=torch.uint8)
    labels = torch.empty(len(dataset), dtype=torch.int64)
    for row in range(len(dataset)):
        image, label = dataset[row]
        if not isinstance(image, Image.Image) or not isinstance(label, int):
            raise DataError(f"data={config.name} is not a data set of images with one class each")
        images[row], labels[row] = torch.from_numpy(to_pixels(image, options).copy()), label
    return images, labels


def _check_arrays(name: str, images: Tensor, labels: Tensor, n_classes: int) -> None:
    if images.dtype != torch.uint8 or images.ndim != 4 or labels.ndim != 1:
        raise DataError(f"data={name} is not a data set of 8-bit images with one class each")
    if len(images) != len(labels):
        raise DataError(f"data={name} has {len(images)} images but {len(labels)} labels")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= n_classes:
        raise DataError(
            f"data={name} has labels from {low} to {high}; {n_classes} classes need labels from 0 "
            f"to {n_classes - 1}"
        )


def _folder_lock(root: Path) -> Any:
    """Return a lock against parallel downloads; a read-only folder needs none."""
    return FileLock(root / ".lock") if os.access(root, os.W_OK) else nullcontext()


def _quiet_unless_terminal() -> Any:
    """Return a context that hides torchvision's progress bar unless stderr is a terminal."""
    return nullcontext() if sys.stderr.isatty() else redirect_stderr(io.StringIO())


@contextmanager
def _socket_timeout() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SOCKET_TIMEOUT_S)  # torchvision sets no timeout
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
