"""Decoded images in one memory-mapped file, made once, in parallel."""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import Tensor

from cnncompare.config.data import DataConfig
from cnncompare.data.decode import CorruptImageError, File, check_sizes, decode_into
from cnncompare.data.files import Findings, ImageFiles
from cnncompare.errors import DataError

_GIB = 2**30
_CHUNK = 256  # files a task
_ALONE_BYTES = 4 * 2**20  # fewer are decoded sooner than other processes have started
_Result = TypeVar("_Result")


def decoded(
    images: ImageFiles, config: DataConfig, workers: int
) -> tuple[Tensor | ImageFiles, Findings]:
    """Return the images as one memory-mapped uint8 tensor [N, C, H, W], or as they are.

    They are left to be decoded by workers when they would take more than `cache_limit_gib`; then
    nothing is found yet. Raises DataError for an unreadable image, unless `data.on_corrupt_image`
    forgives it, images of different sizes, or a cache folder that cannot be written or has no room.
    """
    shape = (len(images), *images.form[:3])
    found = Findings(forgive=config.on_corrupt_image != "error")
    if math.prod(shape) > config.cache_limit_gib * _GIB:
        if images.form.size is None:
            arguments = (_chunks(images), repeat(images.form), repeat(found.forgive))
            _spread(check_sizes, arguments, images, workers)
        return images, found
    folder = Path(os.path.abspath(os.path.expanduser(config.cache_dir)))
    file = folder / f"{_stamp(images)}.npy"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock")):
            pixels = _opened(file, shape)
            if pixels is None or not _remembered(file, found):
                _write(file, shape, images, workers, found)
                pixels = _opened(file, shape)
    except OSError as error:
        raise DataError(
            f"data.cache_dir={folder} cannot take the decoded images ({error.strerror or error}); "
            f"give another folder, or data.cache_limit_gib=0 to decode them in each epoch"
        ) from None
    assert pixels is not None
    return torch.from_numpy(pixels), found


def _stamp(images: ImageFiles) -> str:
    """Return what names the cache: it changes with any file, its size or time, and the form."""
    form = images.form
    what: tuple[Any, ...] = (str(images.root), tuple(form[:4]))
    if (form.resize or form.size, form.interpolation, form.squash) != (
        form.size,
        "bilinear",
        False,
    ):
        what += tuple(form[5:])
    digest = hashlib.sha256(repr(what).encode())
    for entry in zip(images.files, images.bytes, images.mtimes_ns, strict=True):
        digest.update(repr(entry).encode())
    return digest.hexdigest()[:32]


def _opened(file: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """Map the file, copy-on-write because torch wants writable memory; None if it is no good."""
    try:
        pixels: NDArray[np.uint8] = np.load(file, mmap_mode="c", allow_pickle=False)
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return pixels if pixels.shape == shape and pixels.dtype == np.uint8 else None


def _remembered(file: Path, found: Findings) -> bool:
    """Read what was found when the file was made; False if that is not known.

    Raises CorruptImageError for a corrupt image that is not forgiven now.
    """
    try:
        said = json.loads(file.with_suffix(".json").read_bytes())
        corrupt = {int(row): str(why) for row, why in said["corrupt"].items()}
        modes = {int(row): str(mode) for row, mode in said["modes"].items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return False
    if corrupt and not found.forgive:
        raise CorruptImageError(corrupt[min(corrupt)])
    found.corrupt, found.modes = corrupt, modes
    return True


def _write(
    file: Path, shape: tuple[int, ...], images: ImageFiles, workers: int, found: Findings
) -> None:
    needed, free = math.prod(shape), shutil.disk_usage(file.parent).free
    if needed > free:
        raise OSError(f"{needed / _GIB:.2f} GiB are needed, {free / _GIB:.2f} GiB are free")
    unfinished = file.with_suffix(".tmp")  # one writer at a time, under the lock
    try:
        with open(unfinished, "wb") as out:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(out, header)
            start = out.tell()
        chunks = _chunks(images)
        step = _CHUNK * math.prod(shape[1:])
        offsets = range(start, start + len(chunks) * step, step)
        rows = range(0, len(images), _CHUNK)
        always = (repeat(images.form), repeat(found.forgive))
        arguments = (repeat(unfinished), offsets, rows, chunks, *always)
        for remarks in _spread(decode_into, arguments, images, workers):
            found.add(remarks)
        said = json.dumps({"corrupt": found.corrupt, "modes": found.modes})
        file.with_suffix(".json").write_text(said)  # before the images: they are not used without
        os.replace(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)


def _chunks(images: ImageFiles) -> list[list[File]]:
    paths = [images.path(row) for row in range(len(images))]
    return [paths[first : first + _CHUNK] for first in range(0, len(paths), _CHUNK)]


def _spread(
    task: Callable[..., _Result],
    arguments: Sequence[Iterable[Any]],
    images: ImageFiles,
    workers: int,
) -> list[_Result]:
    """Return the task's result for each chunk of files, in several processes if that pays."""
    console = Console(stderr=True)
    show = partial(
        track,
        description=f"reading {len(images)} images",
        total=-(-len(images) // _CHUNK),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    if workers < 2 or sum(images.bytes) < _ALONE_BYTES:
        return list(show(map(task, *arguments)))
    # spawn: forking a process that has threads, as torch has, can block for ever
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            return list(show(pool.map(task, *arguments)))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
