"""Downloads from a local server, and messages of failed downloads."""

import hashlib
import io
import pickle
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10, MNIST, STL10, SVHN, FakeData

from cnncompare.config.data import DataConfig, TorchvisionConfig
from cnncompare.data.sources import torchvision_sets
from cnncompare.data.sources.torchvision_sets import load_torchvision
from cnncompare.errors import DataError

ARCHIVE = "cifar-10-python.tar.gz"
BOTH: dict[str, Any] = {"train": {"train": True}, "test": {"train": False}}


def config(root: Path, dataset: str = "CIFAR10", **changes: Any) -> DataConfig:
    splits = {"train": BOTH["train"], "test": BOTH["test"]} | {
        key: changes.pop(key) for key in ("train", "test") if key in changes
    }
    values: dict[str, Any] = {
        "name": dataset.lower(),
        "source": "torchvision",
        "root": str(root),
        "torchvision": TorchvisionConfig(dataset=dataset, **splits),
    }
    return DataConfig(**(values | changes))


@pytest.fixture
def tiny_cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, dict[str, Any]]:
    """Serve a CIFAR-10 archive of 40 training and 20 test images; return folder and pixels."""
    draws = np.random.default_rng(0)
    pixels = {
        "data_batch_1": draws.integers(0, 256, (40, 3072), dtype=np.uint8),
        "test_batch": draws.integers(0, 256, (20, 3072), dtype=np.uint8),
    }
    members: dict[str, Any] = {
        name: {"data": data, "labels": [i % 10 for i in range(len(data))]}
        for name, data in pixels.items()
    }
    members["batches.meta"] = {"label_names": [f"class{i}" for i in range(10)]}
    blobs = {name: pickle.dumps(value) for name, value in members.items()}
    served = tmp_path / "served"
    served.mkdir()
    with tarfile.open(served / ARCHIVE, "w:gz") as archive:
        for name, blob in blobs.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(blob)
            archive.addfile(member, io.BytesIO(blob))
    md5 = {name: hashlib.md5(blob).hexdigest() for name, blob in blobs.items()}
    monkeypatch.setattr(CIFAR10, "train_list", [["data_batch_1", md5["data_batch_1"]]])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", md5["test_batch"]]])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": md5["batches.meta"]}
    monkeypatch.setattr(CIFAR10, "meta", meta)
    published = hashlib.md5((served / ARCHIVE).read_bytes()).hexdigest()
    monkeypatch.setattr(CIFAR10, "tgz_md5", published)
    return served, pixels


@pytest.fixture
def server(
    tiny_cifar: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """Run a local server from which CIFAR10 downloads; return the list of its requests."""
    requests: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            requests.append(self.command)

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tiny_cifar[0])))
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(CIFAR10, "url", f"http://127.0.0.1:{httpd.server_port}/{ARCHIVE}")
    yield requests
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Direct every download to a port without a server."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(CIFAR10, "url", f"http://127.0.0.1:1/{ARCHIVE}")
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:1/"])
    monkeypatch.setattr(STL10, "url", "http://127.0.0.1:1/stl10_binary.tar.gz")
    files = {
        split: ["http://127.0.0.1:1/x", f"{split}_32x32.mat", "0" * 32]
        for split in ("train", "test")
    }
    monkeypatch.setattr(SVHN, "split_list", files)


def test_a_data_set_is_downloaded_once_and_read_correctly(
    tmp_path: Path,
    tiny_cifar: tuple[Path, dict[str, Any]],
    server: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    source = load_torchvision(config(tmp_path / "new"))
    n_requests = len(server)
    assert n_requests > 0
    assert source.shape == (3, 32, 32)
    assert source.classes == [f"class{i}" for i in range(10)]
    for split, name in ((source.train, "data_batch_1"), (source.test, "test_batch")):
        expected = tiny_cifar[1][name].reshape(-1, 3, 32, 32)  # as its authors describe it
        np.testing.assert_array_equal(split.images.numpy(), expected)
        assert split.labels.tolist() == [i % 10 for i in range(len(expected))]
    load_torchvision(config(tmp_path / "new"))
    assert len(server) == n_requests
    assert capfd.readouterr() == ("", "")  # no progress bar where there is no terminal


def test_an_existing_archive_needs_no_network(
    tmp_path: Path, tiny_cifar: tuple[Path, dict[str, Any]], no_server: None
) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ARCHIVE).write_bytes((tiny_cifar[0] / ARCHIVE).read_bytes())
    train = load_torchvision(config(tmp_path / "new")).train
    assert train is not None
    assert len(train) == 40


@pytest.mark.parametrize(
    ("dataset", "changes", "files", "folder"),
    [
        ("CIFAR10", {}, ARCHIVE, "new"),
        ("MNIST", {}, "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz", "new/MNIST/raw"),
        ("STL10", {"train": {"split": "train"}}, "stl10_binary.tar.gz", "new"),
        ("SVHN", {"train": {"split": "train"}}, "train_32x32.mat", "new"),
    ],
)
@pytest.mark.usefixtures("no_server")
def test_without_network_the_path_of_the_archive_is_named(
    tmp_path: Path, dataset: str, changes: dict[str, Any], files: str, folder: str
) -> None:
    with pytest.raises(DataError) as caught:
        load_torchvision(config(tmp_path / "new", dataset, **changes))
    message = str(caught.value)
    assert f"data={dataset.lower()} could not be downloaded (" in message
    assert "refused" in message
    assert f"put {files}" in message
    assert f"into {tmp_path / folder}, or use data=digits" in message
    assert "\n" not in message


def test_a_wrong_checksum_is_reported_with_both_sums(
    tmp_path: Path, server: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CIFAR10, "tgz_md5", "0" * 32)
    with pytest.raises(DataError, match=rf"{ARCHIVE} has the MD5 [0-9a-f]{{32}} instead of 0+:"):
        load_torchvision(config(tmp_path / "new"))


def test_a_corrupt_archive_is_named_without_network(
    tmp_path: Path, tiny_cifar: tuple[Path, dict[str, Any]], no_server: None
) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ARCHIVE).write_bytes((tiny_cifar[0] / ARCHIVE).read_bytes()[:1000])
    with pytest.raises(DataError, match=rf"{ARCHIVE} has the MD5 .*corrupt or incomplete"):
        load_torchvision(config(tmp_path / "new"))


def test_a_corrupt_archive_is_downloaded_again(tmp_path: Path, server: list[str]) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ARCHIVE).write_bytes(b"half")
    assert len(load_torchvision(config(tmp_path / "new")).test or ()) == 20


def test_errors_apart_from_the_archive_are_reported(
    tmp_path: Path, server: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CIFAR10, "_load_meta", lambda _: [].pop())
    with pytest.raises(DataError, match=r"cifar10 could not be read from .*new \(pop from empty"):
        load_torchvision(config(tmp_path / "new"))


def test_an_unwritable_root_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"data\.root=.*file/new is not writable"):
        load_torchvision(config(tmp_path / "file" / "new"))


@pytest.mark.parametrize("name", ["CIFAR01", "utils", "datasets.CIFAR10"])
def test_only_classes_of_torchvision_are_accepted(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=rf"dataset={name} is not a class of torchvision.datasets"):
        load_torchvision(config(tmp_path, name))


def test_the_closest_class_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"did you mean 'CIFAR10'"):
        load_torchvision(config(tmp_path, "CIFAR01"))


@pytest.mark.parametrize("argument", ["root", "download", "transform", "colour"])
def test_reserved_and_unknown_arguments_are_rejected(tmp_path: Path, argument: str) -> None:
    with pytest.raises(DataError, match=rf"CIFAR10 has no argument '{argument}'; it has train"):
        load_torchvision(config(tmp_path, train={argument: "x"}))


def fake(n: int) -> dict[str, Any]:
    return {"size": n, "image_size": [3, 20, 30], "num_classes": 4}


def test_a_data_set_of_single_images_is_resized(tmp_path: Path) -> None:
    source = load_torchvision(
        config(tmp_path, "FakeData", train=fake(12), test=fake(5), image_size=16)
    )
    assert (source.shape, source.train.images.shape) == ((3, 16, 16), (12, 3, 16, 16))
    reference = FakeData(**fake(5))
    assert source.test.labels.tolist() == [int(reference[i][1]) for i in range(5)]


def test_a_data_set_of_single_images_needs_a_size_and_memory(tmp_path: Path) -> None:
    changes = {"train": fake(12), "test": fake(5)}
    with pytest.raises(DataError, match=r"no common size; set one, such as data.image_size=224"):
        load_torchvision(config(tmp_path, "FakeData", **changes))
    with pytest.raises(DataError, match=r"more than data.cache_limit_gib=0; .* data=folder"):
        load_torchvision(
            config(tmp_path, "FakeData", **changes, image_size=64, cache_limit_gib=0.0)
        )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2], "2 images but 3 labels"),
        ([0, 5], r"labels from 0 to 5; 3 classes need labels from 0 to 2"),
        ([-1, 1], r"labels from -1 to 1"),
    ],
)
def test_mismatched_labels_are_rejected(labels: list[int], message: str) -> None:
    images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    with pytest.raises(DataError, match=message):
        torchvision_sets._check_arrays("mine", images, torch.tensor(labels), 3)
