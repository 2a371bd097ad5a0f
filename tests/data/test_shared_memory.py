"""Too little shared memory and dead decoding processes end a run with one line."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnncompare.data import shared_memory
from cnncompare.data.decode import DecodeOptions
from cnncompare.data.files import ImageFiles
from cnncompare.data.shared_memory import check_shared_memory
from cnncompare.data.source import read_images
from cnncompare.errors import DataError

SIZE = 32


def write_images(folder: Path, count: int, size: int = SIZE) -> None:
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0)
    for number in range(count):
        pixels = noise.integers(0, 256, (size, size, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")


def tree(root: Path, count: int, size: int = SIZE) -> None:
    for split, label in (("train", "cat"), ("train", "dog"), ("test", "cat"), ("test", "dog")):
        write_images(root / split / label, count, size)


class DyingFiles(ImageFiles):
    """Image files whose decoding process is killed."""

    def __getitem__(self, row: int) -> "tuple[torch.Tensor, None]":
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def files_in(folder: Path, kind: type[ImageFiles] = ImageFiles) -> ImageFiles:
    write_images(folder, 8)
    names = sorted(path.name for path in folder.iterdir())
    options = DecodeOptions(3, SIZE, SIZE, None, names[0])
    return kind(folder, names, [0] * len(names), [0] * len(names), options)


def test_the_need_is_workers_times_two_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil._ntuple_diskusage(0, 0, 2 * 2 * 1000)
    monkeypatch.setattr(shared_memory, "SHARED_MEMORY", Path("/"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    check_shared_memory(workers=2, batch_bytes=1000)
    check_shared_memory(workers=0, batch_bytes=10**9)
    with pytest.raises(DataError, match="too small for 2 workers: use data"):
        check_shared_memory(workers=2, batch_bytes=1001)


def test_a_worker_that_is_killed_ends_the_reading(tmp_path: Path) -> None:
    images = files_in(tmp_path / "images", DyingFiles)
    with pytest.raises(DataError, match="a decoding process died"):
        list(read_images(images, [torch.arange(4)], workers=1))


def test_shared_memory_that_fills_up_later_ends_the_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(batch: torch.Tensor) -> None:
        raise RuntimeError("unable to allocate shared memory(shm) for file </torch_1>")

    monkeypatch.setattr(torch.Tensor, "share_memory_", full)
    images = files_in(tmp_path / "images")
    with pytest.raises(DataError, match="too small for 1 worker: use data"):
        list(read_images(images, [torch.arange(4)], workers=1))


def test_workers_give_the_same_batches_as_none(tmp_path: Path) -> None:
    images = files_in(tmp_path / "images")
    rows = [torch.tensor([3, 1]), torch.tensor([7])]
    for one, other in zip(
        read_images(images, rows, workers=2), read_images(images, rows, workers=0), strict=True
    ):
        assert torch.equal(one, other)


def test_a_small_shared_memory_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    mount = "mount -t tmpfs -o size=1m tmpfs /dev/shm"
    if (
        shutil.which("unshare") is None
        or subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True).returncode
    ):
        pytest.skip("mount namespaces are not allowed here")
    tree(tmp_path / "x", 12)
    overrides = (
        *("data=folder", f"data.root={tmp_path}/x", "data.image_size=224", "model=squeezenet1_1"),
        *("data.cache_limit_gib=0", "data.workers=2", "data.batch_size=16"),
        *("trainer.max_epochs=1", "output_root=out"),
    )
    program = [sys.executable, "-m", "cnncompare", *overrides]
    done = subprocess.run(
        [*("unshare", "-m", "sh", "-c", f'{mount}; exec "$@"', "sh"), *program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert "/dev/shm is too small for 2 workers: use data.workers=0, or docker" in done.stderr
    assert not (tmp_path / "out").exists()


SCRIPT = """\
from cnncompare.config.compose import compose_config
from cnncompare.training.train import train

print("script")
overrides = ["data=folder", "data.root=x", "data.image_size=32", "model=lenet5", "logger=[]"]
overrides += ["data.workers=2", "data.cache_dir=cache", "data.batch_size=16"]
overrides += ["trainer.max_epochs=1", "trainer.accelerator=cpu", "display=minimal"]
print(train(compose_config(overrides)).record.status)
"""


def test_a_script_without_a_main_guard_trains_once(tmp_path: Path) -> None:
    tree(tmp_path / "x", 12, size=256)  # 9 MB, more than one process decodes alone
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("script") == 1
    assert done.stdout.rstrip().endswith("finished")
