"""A cache of decoded images: one memory-mapped file, written once by parallel processes."""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
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
from cnncompare.data.decode import CorruptImageError, ImagePath, check_sizes, decode_into
from cnncompare.data.files import DecodeReport, ImageFiles
from cnncompare.data.pixels import RULES_VERSION
from cnncompare.errors import DataError
from cnncompare.system import strict_json
from cnncompare.system.durable_files import replace_durably
from cnncompare.system.main_module import main_not_imported

_GIB = 2**30
_CHUNK = 256  # files per task
_SINGLE_PROCESS_BYTES = 4 * 2**20  # decoding fewer takes less time than starting processes
_Result = TypeVar("_Result")


def decode_to_cache(
    images: ImageFiles, config: DataConfig, workers: int
) -> tuple[Tensor | ImageFiles, DecodeReport]:
    """Return the images as one memory-mapped uint8 tensor [N, C, H, W], and a report on them.

    If they would take more than `data.cache_limit_gib`, the files are returned unchanged, to be
    decoded by the loader's workers, and the report is still empty. Raises DataError for a corrupt
    image (unless `data.on_corrupt_image` allows it), for images of different sizes, and for a
    cache folder that is not writable or has too little space.
    """
    shape = (len(images), *images.options[:3])
    report = DecodeReport(allow_corrupt=config.on_corrupt_image != "error")
    if math.prod(shape) > config.cache_limit_gib * _GIB:
        if images.options.size is None:
            constants = (repeat(images.options), repeat(report.allow_corrupt))
            run_in_chunks(check_sizes, images, workers, constants)
        return images, report
    folder = Path(os.path.abspath(os.path.expanduser(config.cache_dir)))
    try:
        pixels = _load_or_write(folder, shape, images, workers, report)
    except OSError as error:
        raise DataError(
            f"data.cache_dir={folder} cannot store the decoded images "
            f"({error.strerror or error}); set another folder, or data.cache_limit_gib=0 to decode "
            f"them in each epoch"
        ) from None
    return torch.from_numpy(pixels), report


def _load_or_write(
    folder: Path, shape: tuple[int, ...], images: ImageFiles, workers: int, report: DecodeReport
) -> NDArray[np.uint8]:
    file = folder / f"{cache_key(images)}.npy"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):
        pixels = _load_pixels(file, shape)
        if pixels is None or not _load_report(file, report):
            _write(file, shape, images, workers, report)
            pixels = _load_pixels(file, shape)
    assert pixels is not None
    return pixels


def cache_key(images: ImageFiles) -> str:
    """Return a hash of the options and of each file's name, size and modification time."""
    options = images.options
    key: tuple[Any, ...] = (str(images.root), tuple(options[:4]))
    resizing = (options.resize or options.size, options.interpolation, options.squash)
    if resizing != (options.size, "bilinear", False):
        key += tuple(options[5:8])
    if not options.as_pretrained:
        key += ("pixels", RULES_VERSION)
    digest = hashlib.sha256(repr(key).encode())
    for entry in zip(images.files, images.bytes, images.mtimes_ns, strict=True):
        digest.update(repr(entry).encode())
    return digest.hexdigest()[:32]


def _load_pixels(file: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """Map the file, copy-on-write because torch needs writable memory; None if it is invalid."""
    try:
        pixels: NDArray[np.uint8] = np.load(file, mmap_mode="c", allow_pickle=False)
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return pixels if pixels.shape == shape and pixels.dtype == np.uint8 else None


def _load_report(file: Path, report: DecodeReport) -> bool:
    """Fill `report` from the file beside the cache; return False if that file is invalid.

    Raises CorruptImageError for a corrupt image that is not allowed now.
    """
    try:
        content = strict_json.loads(file.with_suffix(".json").read_bytes())
        corrupt = {int(row): str(error) for row, error in content["corrupt"].items()}
        colour_modes = {int(row): str(mode) for row, mode in content["modes"].items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return False
    if corrupt and not report.allow_corrupt:
        raise CorruptImageError(corrupt[min(corrupt)])
    report.corrupt, report.colour_modes = corrupt, colour_modes
    return True


def _write(
    file: Path, shape: tuple[int, ...], images: ImageFiles, workers: int, report: DecodeReport
) -> None:
    needed, free = math.prod(shape), shutil.disk_usage(file.parent).free
    if needed > free:
        raise OSError(f"{needed / _GIB:.2f} GiB are needed, {free / _GIB:.2f} GiB are free")
    unfinished = file.with_suffix(".tmp")  # the lock admits one writer at a time
    try:
        _decode_all(unfinished, shape, images, workers, report)
        content = json.dumps({"corrupt": report.corrupt, "modes": report.colour_modes})
        file.with_suffix(".json").write_text(content)  # first: pixels without a report are not used
        replace_durably(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)


def _decode_all(
    file: Path, shape: tuple[int, ...], images: ImageFiles, workers: int, report: DecodeReport
) -> None:
    """Write the images into `file` in NumPy's format, each chunk of them at its own offset."""
    with open(file, "wb") as out:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(out, header)
        start = out.tell()
    chunks = _chunks(images)
    step = _CHUNK * math.prod(shape[1:])
    offsets = range(start, start + len(chunks) * step, step)
    rows = range(0, len(images), _CHUNK)
    constants = (repeat(images.options), repeat(report.allow_corrupt))
    arguments = (repeat(file), offsets, rows, chunks, *constants)
    for notes in _run_in_processes(decode_into, arguments, images, workers):
        report.add(notes)


def _chunks(images: ImageFiles) -> list[list[ImagePath]]:
    paths = [images.path(row) for row in range(len(images))]
    return [paths[first : first + _CHUNK] for first in range(0, len(paths), _CHUNK)]


def run_in_chunks(
    task: Callable[..., _Result],
    images: ImageFiles,
    workers: int,
    constants: Sequence[Iterable[Any]],
) -> list[_Result]:
    """Return the results of `task` for each chunk of image paths, in their order.

    `constants` are the further arguments of `task`, one iterable each.
    """
    return _run_in_processes(task, (_chunks(images), *constants), images, workers)


def _run_in_processes(
    task: Callable[..., _Result],
    arguments: Sequence[Iterable[Any]],
    images: ImageFiles,
    workers: int,
) -> list[_Result]:
    """Return the results of `task` for all chunks, using several processes if it saves time."""
    console = Console(stderr=True)
    show_progress = partial(
        track,
        description=f"reading {len(images)} images",
        total=-(-len(images) // _CHUNK),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    if workers < 2 or sum(images.bytes) < _SINGLE_PROCESS_BYTES:
        return list(show_progress(map(task, *arguments)))
    # spawn, because a fork of a process with threads, such as torch's, can deadlock
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            with main_not_imported():
                results = pool.map(task, *arguments)  # starts the processes
            return list(show_progress(results))
        except BrokenProcessPool:
            raise DataError(
                "a decoding process died, perhaps for lack of memory: use fewer data.workers, or "
                "data.workers=0"
            ) from None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
