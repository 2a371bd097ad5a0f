"""Any class of torchvision.datasets whose images fit in memory; downloaded once, with checksum."""

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
from cnncompare.data.decode import Form, pixels_of
from cnncompare.data.source import Source, full_split
from cnncompare.errors import DataError, closest

_OURS = {"root", "download", "transform", "target_transform", "transforms", "loader"}
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
_PATIENCE_S = 30.0  # without a byte from the server


def torchvision_set(config: DataConfig) -> Source:
    """Return the set named by `data.torchvision.dataset`, downloaded to `data.root` if missing.

    Raises DataError for an unknown class or argument, when the download fails, a checksum does
    not match, the labels do not match the classes, or the images are not of one size.
    """
    assert config.torchvision is not None
    asked = config.torchvision
    kind = _class_of(asked.dataset)
    root = Path(os.path.abspath(os.path.expanduser(config.root or f"{config.cache_dir}/downloads")))
    sets = [_opened(kind, root, arguments, config) for arguments in (asked.train, asked.test)]
    images, labels = zip(*(_arrays(some, config) for some in sets), strict=True)
    names = getattr(sets[0], "classes", None) or range(1 + max(int(some.max()) for some in labels))
    classes = [str(name) for name in names]
    for pictures, numbers in zip(images, labels, strict=True):
        _check(config.name, pictures, numbers, len(classes))
    return Source(
        classes=classes,
        shape=(images[0].shape[1], images[0].shape[2], images[0].shape[3]),
        train=full_split(images[0], labels[0]),
        test=full_split(images[1], labels[1]),
    )


def _class_of(name: str) -> Any:
    kind = getattr(torchvision.datasets, name, None) if name[:1].isupper() else None
    if name in torchvision.datasets.__all__ and inspect.isclass(kind):
        return kind
    raise DataError(
        f"data.torchvision.dataset={name} is no class of torchvision.datasets"
        f"{closest(name, torchvision.datasets.__all__)}"
    )


def _opened(kind: Any, root: Path, arguments: Mapping[str, Any], config: DataConfig) -> Any:
    known = set(inspect.signature(kind).parameters)
    for argument in arguments:
        if argument not in known - _OURS:
            raise DataError(
                f"torchvision.datasets.{kind.__name__} takes no {argument!r}; "
                f"it takes {', '.join(sorted(known - _OURS))}"
            )
    given = {"root": str(root), "download": True}
    given = {name: value for name, value in given.items() if name in known}
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(root), _quiet_unless_terminal(), _patience():
            return kind(**given, **arguments)
    except Exception as error:  # torchvision raises whatever its many sets raise
        raise _why(error, kind, root, arguments, config) from None


def _why(
    error: Exception, kind: Any, root: Path, arguments: Mapping[str, Any], config: DataConfig
) -> DataError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[-1]  # the first has no cause
    reason = reason.removeprefix("<urlopen error ").removesuffix(">")
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        return DataError(f"data.root={root} cannot be written ({reason}); give another folder")
    archives = _archives(kind, root, arguments)
    missing = [pair for pair in archives if not check_integrity(*pair)]
    if archives and not missing:
        return DataError(f"data={config.name} could not be read from {root} ({reason})")
    for path, md5 in missing:
        if os.path.exists(path):
            return DataError(
                f"{path} has the MD5 {calculate_md5(path)}, but {md5} was published: it is damaged "
                f"or incomplete; run again to download it again, or put the right file there"
            )
    names = ", ".join(Path(path).name for path, _ in missing) or "its archive"
    folder = Path(missing[0][0]).parent if missing else root
    return DataError(
        f"data={config.name} could not be downloaded ({reason}); put {names} into {folder}, "
        f"or use data=digits, which needs no download"
    )


def _archives(kind: Any, root: Path, arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return path and MD5 of each file that the class downloads, as far as it says so."""
    if hasattr(kind, "tgz_md5"):
        return [(str(root / kind.filename), kind.tgz_md5)]
    if hasattr(kind, "resources"):
        folder = root / kind.__name__ / "raw"
        return [(str(folder / name), md5) for name, md5 in kind.resources if isinstance(md5, str)]
    if isinstance(getattr(kind, "split_list", None), dict):
        part = "train" if arguments.get("train", True) else "test"
        _, name, md5 = kind.split_list[arguments.get("split", part)]
        return [(str(root / name), md5)]
    return []


def _arrays(dataset: Any, config: DataConfig) -> tuple[Tensor, Tensor]:
    """Return uint8 images [N, C, H, W] and int64 labels [N] of an opened set."""
    data = getattr(dataset, "data", None)
    labels = getattr(dataset, "targets", getattr(dataset, "labels", None))
    if isinstance(data, np.ndarray | Tensor) and labels is not None:
        return _channels_first(torch.as_tensor(data)), torch.as_tensor(labels).long()
    return _decoded(dataset, config)


def _channels_first(images: Tensor) -> Tensor:
    if images.ndim == 3:
        return images.unsqueeze(1)
    if images.shape[1] in (1, 3):
        return images.contiguous()
    return images.permute(0, 3, 1, 2).contiguous()


def _decoded(dataset: Any, config: DataConfig) -> tuple[Tensor, Tensor]:
    """Return the arrays of a set that opens one image at a time."""
    size, channels = config.image_size, config.channels or 3
    if size is None:
        raise DataError(
            f"the images of data={config.name} have no common size; give one, "
            f"such as data.image_size=224"
        )
    gib = len(dataset) * channels * size**2 / 2**30
    if gib > config.cache_limit_gib:
        raise DataError(
            f"data={config.name} would take {gib:.1f} GiB of memory, more than "
            f"data.cache_limit_gib={config.cache_limit_gib:g}; unpack it and use data=folder"
        )
    form = Form(channels, size, size, size, like="")
    images = torch.empty(len(dataset), channels, size, size, dtype=torch.uint8)
    labels = torch.empty(len(dataset), dtype=torch.int64)
    for row in range(len(dataset)):
        image, label = dataset[row]
        if not isinstance(image, Image.Image) or not isinstance(label, int):
            raise DataError(f"data={config.name} is no set of images with one class each")
        images[row], labels[row] = torch.from_numpy(pixels_of(image, form).copy()), label
    return images, labels


def _check(name: str, images: Tensor, labels: Tensor, n_classes: int) -> None:
    if images.dtype != torch.uint8 or images.ndim != 4 or labels.ndim != 1:
        raise DataError(f"data={name} is no set of 8-bit images with one class each")
    if len(images) != len(labels):
        raise DataError(f"data={name} has {len(images)} images but {len(labels)} labels")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= n_classes:
        raise DataError(
            f"data={name} has labels from {low} to {high}, but {n_classes} classes: "
            f"0 to {n_classes - 1} would be right"
        )


def _one_at_a_time(root: Path) -> Any:
    """Return a lock on the folder; one that cannot be written will not be downloaded to either."""
    return FileLock(root / ".lock") if os.access(root, os.W_OK) else nullcontext()


def _quiet_unless_terminal() -> Any:
    """Return a context in which torchvision's progress bar shows on a terminal alone."""
    return nullcontext() if sys.stderr.isatty() else redirect_stderr(io.StringIO())


@contextmanager
def _patience() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE_S)  # torchvision's downloads would wait for ever
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
