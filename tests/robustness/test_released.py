"""CIFAR-10-C and CIFAR-10.1 from small files of the published layout."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cnncompare import cli, load
from cnncompare.errors import DataError
from cnncompare.robustness import released
from cnncompare.robustness.released import (
    CLASSES,
    CORRUPTIONS,
    MD5,
    label_order,
    open_cifar10_1,
    open_cifar10_c,
)
from cnncompare.runs.robustness_file import read_cells
from cnncompare.runs.run import Run
from tests.inference.conftest import QUICK, train_in

N = 12  # images of each severity


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run on images of one colour per class, in folders with the names of CIFAR-10."""
    root = tmp_path_factory.mktemp("cifar")
    rng = np.random.default_rng(0)
    for split, n in (("train", 12), ("test", 3)):
        for number, name in enumerate(CLASSES):
            folder = root / split / name
            folder.mkdir(parents=True)
            for at in range(n):
                noise = rng.normal(0, 25, (32, 32, 3))
                colour = np.array([number * 25, 255 - number * 25, number % 3 * 100])
                pixels = (colour + noise).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{at}.png")
    options = ("model=lenet5", "data=folder", f"data.root={root}", "name=cifar")
    return train_in(root / "outputs", *options, *QUICK, "data.limit_train=100")


@pytest.fixture
def cifar10_c(tmp_path: Path) -> Path:
    """Return a folder with two corruptions and labels."""
    folder = tmp_path / "CIFAR-10-C"
    folder.mkdir()
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 10, N).astype(np.uint8)
    np.save(folder / "labels.npy", np.tile(labels, 5))
    for name in ("fog", "snow"):
        images = rng.integers(0, 256, (5 * N, 32, 32, 3), dtype=np.uint8)
        np.save(folder / f"{name}.npy", images)
    return folder


def robustness(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    capsys.readouterr()
    code = cli.run(["robustness", *map(str, arguments)])
    return (code, *capsys.readouterr())


def predicted(run: Run, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the classes by the network itself, int64 [N], for uint8 [N, H, W, C]."""
    settings = run.record.settings
    assert settings is not None
    mean, sd = (torch.tensor(m).view(-1, 1, 1) for m in (settings.mean, settings.std))
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        return np.asarray(load(run.folder).model()((pixels - mean) / sd).argmax(dim=1))


def test_there_are_19_corruptions_with_a_checksum_each() -> None:
    assert len(CORRUPTIONS) == 19
    assert all(len(digest) == 32 for digest in MD5.values())
    assert len(set(MD5.values())) == 20


def test_cells_are_blocks_of_the_file_and_labels_are_those_of_cifar10(
    run: Run, cifar10_c: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--cifar10-c", cifar10_c, "--corruptions", "snow,fog", "--json")
    code, out, err = robustness(capsys, run.folder, *options)
    assert code == 0
    assert err == (
        "cnncompare: note: CIFAR-10-C: 12 images of each severity, an excerpt of the published "
        "10,000\n"
    )
    (table,) = json.loads(out)["tables"]
    assert (table["set"], table["n"]) == ("cifar10-c", N)
    assert table["corruptions"] == ["snow", "fog"]
    labels = np.load(cifar10_c / "labels.npy")
    accuracies = {}
    for name in ("snow", "fog"):
        hits = predicted(run, np.load(cifar10_c / f"{name}.npy")) == labels
        for severity in range(1, 6):
            accuracies[name, severity] = hits[(severity - 1) * N : severity * N].mean()
    (group,) = table["groups"]
    found = {(c["corruption"], c["severity"]): c["acc1"] for c in group["cells"]}
    assert found == pytest.approx(accuracies)
    assert group["corrupted"]["mean"] == pytest.approx(np.mean(list(accuracies.values())))
    assert group["clean"]["mean"] == run.record.test.acc1
    assert group["drop"]["low"] < group["drop"]["mean"] < group["drop"]["high"]


def test_cells_of_a_changed_file_are_computed_again(
    run: Run, cifar10_c: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--cifar10-c", cifar10_c, "--json", "--corruptions")
    robustness(capsys, run.folder, *options, "fog")
    robustness(capsys, run.folder, *options, "snow")
    path = run.folder / "robustness-cifar10-c.npz"
    saved = read_cells(path)
    assert saved is not None
    assert {name for name, _ in saved.cells} == {"fog", "snow"}
    np.save(cifar10_c / "fog.npy", np.load(cifar10_c / "fog.npy")[::-1])
    robustness(capsys, run.folder, *options, "fog")
    again = read_cells(path)
    assert again is not None
    for severity in (1, 5):
        reverse = saved.cells["fog", 6 - severity].top1[::-1]
        assert (again.cells["fog", severity].top1 == reverse).all()
        assert (again.cells["snow", severity].top1 == saved.cells["snow", severity].top1).all()


def test_classes_in_another_order_are_matched_by_name() -> None:
    names = [name.title() for name in reversed(CLASSES)]
    order = label_order(names)
    assert order is not None
    assert [names[number].lower() for number in order] == list(CLASSES)
    assert label_order([*CLASSES[:9], "lorry"]) is None
    assert label_order(CLASSES[:9]) is None


def test_runs_with_other_classes_are_refused(
    trained_pair: Path, cifar10_c: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--cifar10-c", cifar10_c, "--corruptions", "fog")
    code, out, err = robustness(capsys, trained_pair, *options)
    assert (code, out) == (2, "")
    assert err.endswith("are not the ten of CIFAR-10, airplane to truck\n")
    assert err.count("\n") == 1


def _shape(folder: Path) -> None:
    np.save(folder / "fog.npy", np.zeros((5 * N, 3, 32, 32), dtype=np.uint8))


def _rows(folder: Path) -> None:
    np.save(folder / "fog.npy", np.load(folder / "fog.npy")[:-1])


def _type(folder: Path) -> None:
    np.save(folder / "fog.npy", np.load(folder / "fog.npy").astype(np.float32))


def _pickle(folder: Path) -> None:
    np.save(folder / "fog.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)


def _cut(folder: Path) -> None:
    content = (folder / "fog.npy").read_bytes()
    (folder / "fog.npy").write_bytes(content[: len(content) // 2])


def _text(folder: Path) -> None:
    (folder / "labels.npy").write_text("0 1 2")


def _label(folder: Path) -> None:
    labels = np.load(folder / "labels.npy")
    np.save(folder / "labels.npy", labels + 10)


def _four(folder: Path) -> None:
    np.save(folder / "labels.npy", np.zeros(4, dtype=np.uint8))


def _lacking(folder: Path) -> None:
    (folder / "fog.npy").unlink()


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (_shape, "expected uint8 (60, 32, 32, 3)"),
        (_rows, "expected uint8 (60, 32, 32, 3)"),
        (_type, "float32 (60, 32, 32, 3); expected uint8"),
        (_pickle, "not an array file"),
        (_cut, "not an array file"),
        (_text, "not an array file"),
        (_label, "expected 0 to 9"),
        (_four, "not five equal blocks"),
        (_lacking, "lacks fog.npy of CIFAR-10-C"),
    ],
)
def test_files_of_another_layout_are_refused(
    damage: Callable[[Path], None], expected: str, cifar10_c: Path
) -> None:
    damage(cifar10_c)
    with pytest.raises(DataError) as caught:
        open_cifar10_c(cifar10_c, ["fog"])
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_severities_with_other_labels_are_refused(cifar10_c: Path) -> None:
    labels = np.load(cifar10_c / "labels.npy")
    labels[-1] = (labels[-1] + 1) % 10
    np.save(cifar10_c / "labels.npy", labels)
    with pytest.raises(DataError, match="labels of the five severities differ"):
        open_cifar10_c(cifar10_c, ["fog"])


def test_all_19_files_are_expected_without_a_choice(cifar10_c: Path) -> None:
    with pytest.raises(DataError, match=r"lacks brightness.npy, contrast.npy, .* and 14 more"):
        open_cifar10_c(cifar10_c, None)


def test_a_file_of_the_published_size_needs_the_published_checksum(
    cifar10_c: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(released, "RELEASED_IMAGES", N)
    with pytest.raises(DataError, match=r"labels.npy: MD5 .* is not that of the published file"):
        open_cifar10_c(cifar10_c, ["fog"])
    for name in ("labels", "fog"):
        digest = hashlib.md5((cifar10_c / f"{name}.npy").read_bytes()).hexdigest()
        monkeypatch.setitem(MD5, name, digest)
    assert open_cifar10_c(cifar10_c, ["fog"]).note == ""


@pytest.mark.parametrize("version", ["v4", "v6"])
def test_cifar10_1_is_a_set_of_its_own(
    version: str, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, 9).astype(np.int32)
    np.save(tmp_path / f"cifar10.1_{version}_data.npy", images)
    np.save(tmp_path / f"cifar10.1_{version}_labels.npy", labels)
    code, out, err = robustness(capsys, run.folder, "--cifar10-1", tmp_path, "--json")
    assert code == 0
    assert f"CIFAR-10.1 {version}: 9 images, an excerpt" in err
    (table,) = json.loads(out)["tables"]
    assert (table["set"], table["n"]) == ("cifar10.1", 9)
    (group,) = table["groups"]
    assert group["corrupted"]["mean"] == (predicted(run, images) == labels).mean()
    code, out, _ = robustness(capsys, run.folder, "--cifar10-1", tmp_path)
    assert "Robustness: CIFAR-10.1" in out


def test_cifar10_1_of_the_published_size_needs_the_published_checksum(tmp_path: Path) -> None:
    np.save(tmp_path / "cifar10.1_v6_data.npy", np.zeros((2000, 32, 32, 3), dtype=np.uint8))
    np.save(tmp_path / "cifar10.1_v6_labels.npy", np.zeros(2000, dtype=np.int32))
    with pytest.raises(DataError, match=r"SHA-256 .* is not that of the published file"):
        open_cifar10_1(tmp_path)


def test_cifar10_1_lacks_its_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "cifar10.1_v4_data.npy", np.zeros((3, 32, 32, 3), dtype=np.uint8))
    with pytest.raises(DataError, match=r"lacks cifar10.1_v4_labels.npy of CIFAR-10.1"):
        open_cifar10_1(tmp_path)


def test_both_sets_stand_beside_each_other(
    run: Run, cifar10_c: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(cifar10_c / "labels.npy", cifar10_c / "cifar10.1_v6_labels.npy")
    shutil.copy(cifar10_c / "fog.npy", cifar10_c / "cifar10.1_v6_data.npy")
    options = ("--cifar10-c", cifar10_c, "--cifar10-1", cifar10_c, "--corruptions", "fog")
    code, out, _ = robustness(capsys, run.folder, *options, "--json")
    assert code == 0
    first, second = json.loads(out)["tables"]
    assert [first["set"], second["set"]] == ["cifar10-c", "cifar10.1"]
    assert second["n"] == 5 * first["n"]
    accuracy = second["groups"][0]["corrupted"]["mean"]
    assert first["groups"][0]["corrupted"]["mean"] == pytest.approx(accuracy)  # the same images
