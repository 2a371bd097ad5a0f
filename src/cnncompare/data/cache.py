"""Decoded images in one memory-mapped file, made once, in parallel."""

import hashlib
import math
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import Tensor

from cnncompare.config import DataConfig
from cnncompare.data.decode import check_sizes, decode_into
from cnncompare.data.folder import ImageFiles
from cnncompare.errors import DataError

_GIB = 2**30
_CHUNK = 256  # files a task
_ALONE_BYTES = 4 * 2**20  # fewer are decoded sooner than other processes have started


def decoded(images: ImageFiles, config: DataConfig, workers: int) -> Tensor | ImageFiles:
    """Return the images as one memory-mapped uint8 tensor [N, C, H, W], or as they are.

    They are left to be decoded by workers when they would take more than `cache_limit_gib`.
    Raises DataError for an unreadable image, images of different sizes, or a cache folder that
    cannot be written or has no room.
    """
    shape = (len(images), *images.form[:3])
    if math.prod(shape) > config.cache_limit_gib * _GIB:
        if images.form.size is None:
            _spread(check_sizes, (_chunks(images), repeat(images.form)), images, workers)
        return images
    folder = Path(os.path.abspath(os.path.expanduser(config.cache_dir)))
    file = folder / f"{_stamp(images)}.npy"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock")):
            pixels = _opened(file, shape)
            if pixels is None:
                _write(file, shape, images, workers)
                pixels = _opened(file, shape)
    except OSError as error:
        raise DataError(
            f"data.cache_dir={folder} cannot take the decoded images ({error.strerror or error}); "
            f"give another folder, or data.cache_limit_gib=0 to decode them in each epoch"
        ) from None
    assert pixels is not None
    return torch.from_numpy(pixels)


def _stamp(images: ImageFiles) -> str:
    """Return what names the cache: it changes with any file, its size or time, and the form."""
    digest = hashlib.sha256(repr((str(images.root), tuple(images.form[:4]))).encode())
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


def _write(file: Path, shape: tuple[int, ...], images: ImageFiles, workers: int) -> None:
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
        _spread(
            decode_into, (repeat(unfinished), offsets, chunks, repeat(images.form)), images, workers
        )
        os.replace(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)


def _chunks(images: ImageFiles) -> list[list[str]]:
    paths = [images.path(row) for row in range(len(images))]
    return [paths[first : first + _CHUNK] for first in range(0, len(paths), _CHUNK)]


def _spread(
    task: Callable[..., None], arguments: Sequence[Iterable[Any]], images: ImageFiles, workers: int
) -> None:
    """Call the task for each chunk of files, in several processes if that pays."""
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
        for _ in show(map(task, *arguments)):
            pass
        return
    # spawn: forking a process that has threads, as torch has, can block for ever
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            for _ in show(pool.map(task, *arguments)):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
