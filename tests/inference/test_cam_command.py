"""predict --cam: its files, the sheet, all kinds of images, and mistakes."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import nn

from cnncompare import cli
from cnncompare.inference import predictor
from cnncompare.runs.run import Run
from tests.inference.conftest import run_code, train_in

SLOW_PATCHES = 160  # images of each split


def predict(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    capsys.readouterr()
    code = cli.run(["predict", *map(str, arguments)])
    return (code, *capsys.readouterr())


def test_each_image_and_network_gets_an_overlay_and_a_map(
    trained_pair: Path, digit_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [digit_images / f"000{i}.png" for i in range(3)]
    _, plain, _ = predict(capsys, trained_pair, *images, "--json")
    code, out, err = predict(
        capsys, trained_pair, *images, "--cam-out", tmp_path / "maps", "--json"
    )
    assert (code, err) == (0, "")
    answers = json.loads(out)
    overlays = [Path(answer.pop("cam")) for answer in answers]
    assert answers == json.loads(plain)  # the maps change no prediction
    assert len(set(overlays)) == len(answers) == 6
    assert [path.name for path in overlays[:2]] == ["0000-lenet5.png", "0000-quicknet.png"]
    assert {path.name for path in (tmp_path / "maps").iterdir()} == {
        name for path in overlays for name in (path.name, path.with_suffix(".npy").name)
    }
    for answer, path in zip(answers, overlays, strict=True):
        heat = np.load(path.with_suffix(".npy"))
        side = Run.read(trained_pair / answer["run"]).record.model.input_size[1]
        assert heat.shape == (side, side)
        assert heat.dtype == np.float32
        assert 0 <= heat.min() <= heat.max() <= 1
        with Image.open(path) as overlay:
            assert overlay.mode == "RGB"
            assert min(overlay.size) >= 224
            values = np.asarray(overlay)
        if heat.max() > 0:
            assert (values.max(axis=2) != values.min(axis=2)).any()  # coloured over grey


def test_the_command_says_where_the_maps_lie_and_of_which_layers(
    trained_pair: Path, digit_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study"
    shutil.copytree(trained_pair, study)
    image = digit_images / "0000.png"
    _, out, _ = predict(capsys, study, image, "--cam")
    folder, line = study / "cam", out.splitlines()[-1]
    assert line.startswith(f"written: {folder}: 2 maps, layers lenet5: features (")
    assert "quicknet: features.4 (" in line
    assert {path.suffix for path in folder.iterdir()} == {".png", ".npy"}
    assert not list(study.glob(".cam-*"))
    _, again, _ = predict(capsys, study, image, "--cam")  # the folder is no run of the study
    assert again == out


@pytest.mark.parametrize("suffix", ["png", "html"])
def test_the_sheet_has_the_maps_next_to_the_image(
    trained_pair: Path,
    digit_images: Path,
    tmp_path: Path,
    suffix: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    images = [digit_images / f"000{i}.png" for i in range(2)]
    sheet = tmp_path / f"sheet.{suffix}"
    options = ("--cam-out", tmp_path / "maps", "--sheet", sheet, "--top", 1)
    code, out, err = predict(capsys, trained_pair, *images, *options, "--json")
    assert (code, err) == (0, "")
    if suffix == "html":
        text = sheet.read_text()
        assert text.count("<figure>") == 2 * 3
        assert text.count("<dt>lenet5</dt>") == text.count("<dt>quicknet</dt>") == 2
        for answer in json.loads(out):
            (best,) = answer["top"]
            assert f"<dd>{best['class']} {100 * best['confidence']:.1f} %</dd>" in text
        return
    with Image.open(sheet) as drawn:
        pixels = np.asarray(drawn.convert("RGB")).astype(int)
    coloured = (pixels.max(axis=2) - pixels.min(axis=2)) > 60
    first, others = coloured[:, :220], coloured[:200, 220:]
    assert not first.any()  # the grey digits
    assert others.mean() > 0.05


def test_images_of_every_kind_have_maps(
    trained_pair: Path, digit_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Image.open(digit_images / "0003.png") as digit:
        upright = digit.convert("L").resize((90, 60))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    upright.save(tmp_path / "upright.png")
    turned.save(tmp_path / "turned.png", exif=exif)
    upright.convert("RGBA").save(tmp_path / "alpha.png")
    upright.convert("CMYK").save(tmp_path / "cmyk.jpg")
    upright.convert("1").save(tmp_path / "bits.png")
    Image.fromarray(np.asarray(upright).astype(np.uint16) * 257).save(tmp_path / "deep.png")
    broken = tmp_path / "broken.png"
    broken.write_bytes((digit_images / "0000.png").read_bytes()[:50])
    maps = tmp_path / "maps"
    code, out, err = predict(capsys, trained_pair, tmp_path, "--cam-out", maps, "--json")
    assert code == 1
    assert err.startswith(f"cnncompare: {broken} cannot be read")
    assert err.count("\n") == 1
    for answer in json.loads(out):
        assert ("cam" in answer) == ("top" in answer)
    kinds = ("upright", "turned", "alpha", "cmyk", "bits", "deep")
    stems = {f"{kind}-{label}" for kind in kinds for label in ("lenet5", "quicknet")}
    assert {path.stem for path in maps.iterdir()} == stems
    for label in ("lenet5", "quicknet"):
        expected = np.load(maps / f"upright-{label}.npy")
        for kind in ("turned", "deep"):
            np.testing.assert_allclose(np.load(maps / f"{kind}-{label}.npy"), expected, atol=1e-3)


def test_equal_names_in_several_folders_are_kept_apart(
    digits_run: Run, digit_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("a/x.png", "a/x.jpeg", "b/x.png", "a-x.png", "Ünïcode & more.png")
    for name in names:
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        with Image.open(digit_images / "0000.png") as image:
            image.save(tmp_path / "photos" / name)
    options = ("--cam-out", tmp_path / "maps", "--json")
    code, out, _ = predict(capsys, digits_run.folder, tmp_path / "photos", *options)
    assert code == 0
    files = [answer["cam"] for answer in json.loads(out)]
    assert len({file.lower() for file in files}) == len(names)
    assert all(Path(file).is_file() for file in files)


def without_torch(*arguments: Any, missing: str = "") -> subprocess.CompletedProcess[str]:
    """Run predict in a process that fails as soon as torch is imported."""
    code = (
        f"import sys; sys.modules |= dict.fromkeys(['torch', *{missing.split()}]); "
        "from cnncompare.cli import run; sys.exit(run(['predict', *sys.argv[1:]]))"
    )
    return run_code(code, *arguments)


def test_mistakes_are_answered_before_torch_is_imported(
    digits_run: Run, digit_images: Path, tmp_path: Path
) -> None:
    image = digit_images / "0000.png"
    (tmp_path / "file").write_text("")
    for options, missing, expected in (
        (("--cam",), "torchcam", "--cam needs torchcam: pip install 'cnncompare[cam]'"),
        (("--cam-out", tmp_path / "file"), "", "it is a file"),
        (("--cam-out", tmp_path / "no" / "maps"), "", "No such file"),
    ):
        done = without_torch(digits_run.folder, image, *options, missing=missing)
        assert done.returncode == 2, done.stderr
        assert expected in done.stderr
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert not (digits_run.folder / "cam").exists()


def test_a_network_without_a_spatial_layer_is_one_line(
    digits_run: Run,
    digit_images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    channels, height, width = digits_run.record.model.input_size
    flat = nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, 10))
    monkeypatch.setattr(predictor, "load_network", lambda *arguments: flat)
    options = ("--cam-out", tmp_path / "maps", "--csv", tmp_path / "a.csv")
    code, out, err = predict(capsys, digits_run.folder, digit_images / "0000.png", *options)
    assert (code, out) == (2, "")
    assert "lenet5 has no class activation map" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(
    digits_run: Run,
    digit_images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    written: list[Path] = []

    def save(path: Path, heat: Any) -> None:
        if written:
            raise OSError(28, "No space left on device")
        written.append(path)

    monkeypatch.setattr(np, "save", save)
    images = [digit_images / f"000{i}.png" for i in range(2)]
    code, _, err = predict(capsys, digits_run.folder, *images, "--cam-out", tmp_path / "maps")
    assert code == 2
    assert err == f"cnncompare: predict: --cam cannot write to {tmp_path / 'maps'} (" + (
        "No space left on device)\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_trained_network_looks_at_the_patch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The class of each image is decided by the stripes in one quarter of it."""
    draw = np.random.default_rng(0)
    rows = np.tile(np.repeat([0, 255], 2), 2)[:, None].repeat(8, axis=1)
    patterns = {"flat": rows, "upright": rows.T, "checked": np.where((rows == rows.T), 255, 0)}
    quarters = {}
    for split in ("train", "test"):
        for name, pattern in patterns.items():
            (tmp_path / "data" / split / name).mkdir(parents=True)
            for number in range(SLOW_PATCHES if split == "train" else 20):
                pixels = draw.normal(128, 25, (32, 32, 3)).clip(0, 255)
                quarter = int(draw.integers(4))
                y, x = np.array(divmod(quarter, 2)) * 16 + draw.integers(1, 8, 2)
                pixels[y : y + 8, x : x + 8] = pattern[..., None]
                file = tmp_path / "data" / split / name / f"{number}.png"
                Image.fromarray(pixels.astype(np.uint8)).save(file)
                quarters[str(file)] = quarter
    run = train_in(
        tmp_path,
        *("model=resnet20", "data=folder", f"data.root={tmp_path / 'data'}", "optimizer=adamw"),
        *("trainer.max_epochs=8", "trainer.accelerator=cpu", "data.batch_size=32", "logger=[]"),
        *("trainer.threads=1", "display=minimal"),
    )
    assert run.record.test.acc1 > 0.9
    options = ("--cam-out", tmp_path / "maps", "--json")
    code, out, _ = predict(capsys, run.folder, tmp_path / "data" / "test", *options)
    assert code == 0
    shares = []
    for answer in json.loads(out):
        heat = np.load(Path(answer["cam"]).with_suffix(".npy"))
        mass = heat.reshape(2, 16, 2, 16).sum((1, 3)).flatten()
        shares.append(mass[quarters[answer["image"]]] / mass.sum())
    assert np.mean(shares) > 0.6
