"""ImageNet images as batches of ImageData, preprocessed by the transform of the weights."""

import random
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms import InterpolationMode, v2

from cnncompare.config.data import DataConfig
from cnncompare.data import cache
from cnncompare.data.module import ImageData
from cnncompare.data.sources.imagenet.synsets import label_by_wnid, synsets
from cnncompare.errors import DataError
from cnncompare.models.pretrained.transforms import Transform
from tests.data.conftest import MakeData, MakeTree
from tests.data.sources.imagenet.folders import (
    TRUTH,
    WNIDS,
    archived,
    devkit,
    flat,
    in_wnid_folders,
    index_lines,
    jpeg,
    val_name,
)

WEIGHTS = Transform(32, 24, "bicubic", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
N = len(TRUTH)


@pytest.fixture
def imagenet_data(tmp_path: Path) -> MakeData:
    """Return a maker of prepared ImageNet data; keywords are DataConfig's."""

    def make(root: Path, weights: Transform | None = WEIGHTS, **changes: Any) -> ImageData:
        values: dict[str, Any] = {
            "name": "imagenet_val",
            "source": "imagenet",
            "root": str(root),
            "normalize": "weights",
            "batch_size": 4,
            "cache_dir": str(tmp_path / "cache"),
            "cache_limit_gib": 0.0,
            "workers": 0,
        }
        config = DataConfig(**(values | changes))
        data = ImageData(config, seed=0, weights_transform=weights)
        data.prepare()
        return data

    return make


@pytest.fixture
def val(tmp_path: Path) -> Path:
    return in_wnid_folders(tmp_path / "images" / "val")


def batches(data: ImageData) -> list[tuple[torch.Tensor, ...]]:
    return list(data.test_dataloader())


def test_attributes_of_the_validation_set(val: Path, imagenet_data: MakeData) -> None:
    data = imagenet_data(val)
    assert data.classes == list(synsets())
    assert data.class_names[0] == "tench"
    assert data.present_classes.tolist() == [0, 1, 2, 3]
    assert (data.n_train, data.n_val, data.n_test) == (None, None, N)
    assert data.image_shape == (3, 24, 24)
    assert data.transform == WEIGHTS
    assert (data.mean, data.std) == (WEIGHTS.mean, WEIGHTS.std)
    assert data.test_labels.tolist() == sorted(WNIDS.index(wnid) for wnid in TRUTH)
    assert data.notes == ["4 of 1,000 classes"]
    for loader in (data.train_dataloader, data.val_dataloader):
        with pytest.raises(DataError, match="has no training or validation split"):
            loader()


@pytest.mark.parametrize("limit_gib", [0.0, 1.0])
@pytest.mark.parametrize("workers", [0, 2])
def test_batches_equal_torchvisions_preprocessing(
    val: Path, imagenet_data: MakeData, limit_gib: float, workers: int
) -> None:
    steps = [v2.Resize(32, InterpolationMode.BICUBIC), v2.CenterCrop(24), v2.PILToTensor()]
    steps += [v2.ToDtype(torch.float32, scale=True), v2.Normalize(WEIGHTS.mean, WEIGHTS.std)]
    reference = ImageFolder(val, v2.Compose(steps))
    data = imagenet_data(val, cache_limit_gib=limit_gib, workers=workers)
    images, labels, positions = (torch.cat(some) for some in zip(*batches(data), strict=True))
    assert positions.tolist() == list(range(N))
    assert labels.tolist() == reference.targets
    torch.testing.assert_close(images, torch.stack([image for image, _ in reference]))


def test_every_layout_has_the_same_images_order_and_fingerprint(
    tmp_path: Path, imagenet_data: MakeData
) -> None:
    index_lines(flat(tmp_path / "flat"))
    devkit(archived(tmp_path / "archive"))
    with tarfile.open(tmp_path / "folders.tar", "w") as tar:
        tar.add(in_wnid_folders(tmp_path / "folders" / "val"), "val")
    roots = ["folders", "flat", "archive", "folders.tar"]
    made = [
        imagenet_data(tmp_path / root, cache_limit_gib=gib, workers=1)
        for root in roots
        for gib in (0.0, 1.0)
    ]
    first = batches(made[0])
    assert len({data.fingerprint for data in made}) == 1
    for data in made[1:]:
        for ours, theirs in zip(batches(data), first, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_the_fingerprint_changes_with_a_file_or_a_label(val: Path, imagenet_data: MakeData) -> None:
    before = imagenet_data(val).fingerprint
    assert imagenet_data(val, normalize="half", resize=40).fingerprint == before
    file = val / WNIDS[0] / val_name(2)
    file.rename(val / WNIDS[1] / val_name(2))
    relabelled = imagenet_data(val).fingerprint
    (val / WNIDS[1] / val_name(2)).write_bytes(jpeg(2) + b" ")
    changed = imagenet_data(val).fingerprint
    assert len({before, relabelled, changed}) == 3


def test_the_transform_is_overridden_by_the_configuration(
    val: Path, imagenet_data: MakeData
) -> None:
    data = imagenet_data(val, normalize="half", resize=28, image_size=28, interpolation="nearest")
    assert data.transform == Transform(28, 28, "nearest", (0.5,) * 3, (0.5,) * 3)
    assert data.image_shape == (3, 28, 28)
    step = v2.Compose([v2.Resize(28, InterpolationMode.NEAREST), v2.CenterCrop(28)])
    expected = np.asarray(step(Image.open(val / WNIDS[0] / val_name(2))))
    np.testing.assert_array_equal(data.test_images([0])[0].permute(1, 2, 0).numpy(), expected)
    with pytest.raises(DataError, match=r"with a known transform; set data\.resize"):
        imagenet_data(val, weights=None)


def test_only_a_limited_test_split_is_decoded_and_cached(
    tmp_path: Path, imagenet_data: MakeData
) -> None:
    root = tmp_path / "images"
    for label in range(5):
        (root / synsets()[label]).mkdir(parents=True)
        for number in range(4):
            name = val_name(label * 10 + number)
            (root / synsets()[label] / name).write_bytes(jpeg(number))
    whole = imagenet_data(root)
    data = imagenet_data(root, limit_test=10, cache_limit_gib=1.0)
    assert torch.bincount(data.test_labels).tolist() == [2] * 5
    assert data.notes == ["5 of 1,000 classes", "10 of the 20 images, stratified"]
    (kept,) = (tmp_path / "cache").glob("*.npy")
    assert np.load(kept).shape == (10, 3, 24, 24)
    assert data.fingerprint == imagenet_data(root, limit_test=10).fingerprint != whole.fingerprint
    assert data.fingerprint != imagenet_data(root, limit_test=10, split_seed=1).fingerprint
    with pytest.raises(DataError, match=r"data\.limit_test=4 is fewer than the 5 classes"):
        imagenet_data(root, limit_test=4)


def test_networks_with_the_same_transform_share_the_cache(
    val: Path, imagenet_data: MakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = imagenet_data(val, cache_limit_gib=1.0)
    monkeypatch.setattr(cache, "_write", lambda *_: pytest.fail("decoded again"))
    other = WEIGHTS._replace(mean=(0.5,) * 3, std=(0.5,) * 3)
    second = imagenet_data(val, other, cache_limit_gib=1.0)
    assert torch.equal(first.test_images(range(N)), second.test_images(range(N)))
    for changed in ({"resize": 40}, {"interpolation": "bilinear"}, {"squash": True}):
        with pytest.raises(pytest.fail.Exception):
            imagenet_data(val, WEIGHTS._replace(**changed), cache_limit_gib=1.0)


@pytest.mark.parametrize(("limit_gib", "workers"), [(0.0, 0), (0.0, 2), (1.0, 0)])
def test_grey_and_cmyk_images_are_counted_once_decoded(
    val: Path, imagenet_data: MakeData, limit_gib: float, workers: int
) -> None:
    for number, mode in ((2, "L"), (4, "CMYK"), (5, "L")):
        path = val / TRUTH[number - 1] / val_name(number)
        path.write_bytes(jpeg(number, mode=mode))
    data = imagenet_data(val, cache_limit_gib=limit_gib, workers=workers)
    assert len(data.notes) == (1 if limit_gib == 0 else 2)
    images = torch.cat([some for some, *_ in batches(data)])
    note = f"2 grey, 1 CMYK images, converted to RGB (the first: {val_name(2)})"
    assert data.notes[1] == note
    expected = Image.open(val / TRUTH[3] / val_name(4)).convert("RGB")
    steps = [v2.Resize(32, InterpolationMode.BICUBIC), v2.CenterCrop(24), v2.PILToTensor()]
    position = sorted((WNIDS.index(w), n) for n, w in enumerate(TRUTH, 1)).index((0, 4))
    torch.testing.assert_close(
        (images[position] * torch.tensor(data.std).view(3, 1, 1))
        + torch.tensor(data.mean).view(3, 1, 1),
        v2.Compose(steps)(expected) / 255,
    )


# ---- corrupt images


def damage(val: Path) -> dict[int, Path]:
    """Corrupt two of the six images; return their positions and files."""
    cut = val / TRUTH[1] / val_name(2)  # the first image of the first class: position 0
    cut.write_bytes(cut.read_bytes()[:300])
    none = val / TRUTH[0] / val_name(1)  # the first of the third class, which has two
    none.write_text("no image")
    return {0: cut, 3: none}


KINDS = [(0.0, 0), (0.0, 2), (1.0, 0)]


@pytest.mark.parametrize(("limit_gib", "workers"), KINDS)
def test_a_corrupt_image_is_an_error_with_its_name(
    val: Path, imagenet_data: MakeData, limit_gib: float, workers: int
) -> None:
    damage(val)
    with pytest.raises(DataError, match=rf"{val_name(2)} cannot be read \(Truncated") as caught:
        batches(imagenet_data(val, cache_limit_gib=limit_gib, workers=workers))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("policy", ["count_wrong", "skip"])
@pytest.mark.parametrize(("limit_gib", "workers"), KINDS)
def test_corrupt_images_are_collected_if_the_option_allows_them(
    val: Path, imagenet_data: MakeData, limit_gib: float, workers: int, policy: str
) -> None:
    sound = imagenet_data(val, normalize="none")
    expected = torch.cat([images for images, *_ in batches(sound)])
    files = damage(val)
    given = {"on_corrupt_image": policy, "normalize": "none", "cache_limit_gib": limit_gib}
    for _ in range(2):  # the second time out of the cache, if there is one
        data = imagenet_data(val, workers=workers, **given)
        images, labels, _ = (torch.cat(some) for some in zip(*batches(data), strict=True))
        assert list(data.corrupt_images) == [0, 3]
        for position, file in files.items():
            assert data.corrupt_images[position].startswith(f"{file} cannot be read (")
        assert labels.tolist() == [-1, 0, 1, -1, 2, 3]
        assert data.test_labels.tolist() == [0, 0, 1, 2, 2, 3]
        assert images[[0, 3]].count_nonzero() == 0
        assert torch.equal(images[[1, 2, 4, 5]], expected[[1, 2, 4, 5]])
        assert data.test_images([0]).count_nonzero() == 0


def test_a_corrupt_image_in_the_cache_is_an_error_unless_allowed(
    val: Path, imagenet_data: MakeData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(val)
    imagenet_data(val, cache_limit_gib=1.0, on_corrupt_image="count_wrong")
    monkeypatch.setattr(cache, "_write", lambda *_: pytest.fail("decoded again"))
    with pytest.raises(DataError, match=rf"{val_name(2)} cannot be read"):
        imagenet_data(val, cache_limit_gib=1.0)
    (known,) = (tmp_path / "cache").glob("*.json")
    known.write_text("{")  # without what is known of them, the images are no good
    with pytest.raises(pytest.fail.Exception):
        imagenet_data(val, cache_limit_gib=1.0, on_corrupt_image="count_wrong")


def test_a_corrupt_archive_member_is_named(tmp_path: Path, imagenet_data: MakeData) -> None:
    with tarfile.open(tmp_path / "images.tar", "w") as tar:
        damage(in_wnid_folders(tmp_path / "val"))
        tar.add(tmp_path / "val", "val")
    data = imagenet_data(tmp_path / "images.tar", on_corrupt_image="skip")
    batches(data)
    assert (
        f"val/{TRUTH[1]}/{val_name(2)} in {tmp_path}/images.tar cannot be" in data.corrupt_images[0]
    )


def test_a_corrupt_training_image_is_always_an_error(pets: Path, folder_data: MakeData) -> None:
    (pets / "train" / "dog" / "003.png").write_text("no image")
    for policy in ("error", "count_wrong", "skip"):
        with pytest.raises(DataError, match=r"train/dog/003\.png cannot be read"):
            folder_data(pets, on_corrupt_image=policy)
    lazy = folder_data(pets, on_corrupt_image="count_wrong", cache_limit_gib=0.0, normalize="half")
    with pytest.raises(DataError, match=r"train/dog/003\.png cannot be read"):
        [*lazy.train_dataloader(), *lazy.val_dataloader()]


@pytest.mark.parametrize("limit_gib", [0.0, 1.0])
def test_a_corrupt_test_image_of_a_folder_can_be_allowed(
    pets: Path, folder_data: MakeData, limit_gib: float
) -> None:
    (pets / "test" / "dog" / "001.png").write_text("no image")
    data = folder_data(pets, on_corrupt_image="skip", cache_limit_gib=limit_gib)
    labels = torch.cat([labels for _, labels, _ in data.test_dataloader()])
    assert labels.tolist() == [0, 0, 0, 1, -1, 1]
    assert list(data.corrupt_images) == [4]


# ---- a test that goes on where it was cut off


def test_recorded_batches_are_skipped(
    val: Path, imagenet_data: MakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = imagenet_data(val, batch_size=2)
    whole = batches(data)
    data = data.without_tested({0, 1, 4})
    rest = batches(data)
    assert len(data.test_dataloader()) == 2
    assert [positions.tolist() for *_, positions in rest] == [[2, 3], [4, 5]]
    for ours, theirs in zip(rest, whole[1:], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    read = []
    monkeypatch.setattr(
        "cnncompare.data.files.try_decode",
        lambda row, *_: (read.append(row), (np.zeros((3, 24, 24), np.uint8), None))[1],
    )
    batches(data)
    assert read == [2, 3, 4, 5]


def test_each_process_skips_its_own_recorded_batches(val: Path, imagenet_data: MakeData) -> None:
    data = imagenet_data(val, batch_size=2)
    seen = []
    data = data.without_tested({0, 1, 3})
    for rank in range(2):
        trainer: Any = SimpleNamespace(
            current_epoch=0,
            global_rank=rank,
            world_size=2,
            strategy=SimpleNamespace(root_device=torch.device("cpu")),
        )
        data.trainer = trainer
        loader = data.test_dataloader()
        seen.append([positions.tolist() for *_, positions in loader])
        assert len(seen[-1]) == len(loader)
    assert seen == [[[2], [4]], [[5]]]


def test_a_process_with_all_batches_recorded_repeats_the_last(
    val: Path, imagenet_data: MakeData
) -> None:
    data = imagenet_data(val, batch_size=2).without_tested(range(6))
    assert [positions.tolist() for *_, positions in data.test_dataloader()] == [[4, 5]]


# ---- what others share with it


def test_normalisation_by_weights_for_other_sources(pets: Path, folder_data: MakeData) -> None:
    config = DataConfig(name="digits", source="digits", normalize="weights", channels=3)
    data = ImageData(config, seed=0, weights_transform=WEIGHTS)
    data.prepare()
    assert (data.mean, data.std) == (WEIGHTS.mean, WEIGHTS.std)
    assert (data.transform, data.notes, data.class_names) == (None, [], data.classes)
    assert data.corrupt_images == {}
    with pytest.raises(DataError, match=r"with a known mean and sd; set model\.weights"):
        folder_data(pets, normalize="weights")
    grey = config.model_copy(update={"channels": None})
    with pytest.raises(DataError, match="is for 3 channels, but the images have 1"):
        ImageData(grey, seed=0, weights_transform=WEIGHTS).prepare()


def test_a_folder_is_resized_and_cropped_as_configured(
    make_tree: MakeTree, folder_data: MakeData
) -> None:
    sizes = [(50, 41), (33, 60), (40, 40)]
    root = make_tree({f"{split}/{kind}": sizes for split in ("train", "test") for kind in "ab"})
    requested = {"resize": 32, "image_size": 24, "interpolation": "bicubic"}
    data = folder_data(root, **requested, val_fraction=0.4)
    steps = [v2.Resize(32, InterpolationMode.BICUBIC), v2.CenterCrop(24), v2.PILToTensor()]
    reference = ImageFolder(root / "test", v2.Compose(steps))
    expected = torch.stack([image for image, _ in reference])
    assert torch.equal(data.test_images(range(6)), expected)


# ---- real images


@pytest.fixture(scope="session")
def sample(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with 500 real ImageNet images, in an archive and unpacked."""
    root = tmp_path_factory.mktemp("sample")
    (root / "sample.tar").symlink_to(shared_data / "imagenet-sample-500.tar")
    with tarfile.open(root / "sample.tar") as archive:
        archive.extractall(root, filter="data")
    return root


def test_the_real_sample_as_folder_and_archive(sample: Path, imagenet_data: MakeData) -> None:
    made = [imagenet_data(sample / name, batch_size=64) for name in ("val", "sample.tar", ".")]
    assert len({data.fingerprint for data in made}) == 1
    for data in made:
        assert (data.n_test, len(data.present_classes)) == (500, 500)
        assert data.notes == [
            "500 of 1,000 classes",
            "training images, according to their names (n01440764_tench.JPEG ...): "
            "accuracy is higher than on the validation set",
        ]
    files = sorted((sample / "val").glob("*/*.JPEG"))
    assert made[1].test_labels.tolist() == [label_by_wnid()[file.parent.name] for file in files]


def test_real_images_are_decoded_as_by_torchvision(sample: Path, imagenet_data: MakeData) -> None:
    """Landscape and portrait, some grey, at the size of the weights' transform."""
    weights = Transform(256, 224, "bilinear", (0.0,) * 3, (1.0,) * 3)
    data = imagenet_data(sample / "sample.tar", weights)
    steps = v2.Compose([v2.Resize(256), v2.CenterCrop(224), v2.PILToTensor()])
    reference = ImageFolder(sample / "val", steps)
    for position in random.Random(0).sample(range(500), 20):
        assert torch.equal(data.test_images([position])[0], reference[position][0])
