"""Run folders like those of a training, with simulated predictions of known accuracy."""

import csv
import hashlib
import io
import itertools
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from cnncompare.comparison.load import Result
from cnncompare.comparison.outcome import Outcome
from cnncompare.runs.record import (
    BestSection,
    DataSection,
    EnvironmentSection,
    Failure,
    MemorySection,
    ModelSection,
    RunRecord,
    Status,
    TestSection,
    TimingSection,
    TrainingSection,
)
from cnncompare.runs.run import Run

COLUMNS = [
    "epoch",
    "train_s",
    "val_s",
    "data_wait_s",
    "images_per_s",
    "lr",
    "train_loss",
    "train_acc1",
    "val_loss",
    "val_acc1",
    "val_acc5",
    "peak_rss_mib",
    "peak_gpu_mib",
]
_START, _MINUTES = datetime(2026, 1, 1, tzinfo=UTC), itertools.count(1000)  # one after another


def simulate(
    rng: np.random.Generator,
    models: dict[str, float],
    seeds: int = 3,
    n: int = 1000,
    own: float = 1.0,
    seed_sd: float = 0.05,
    shared: float = 1.5,
) -> dict[str, NDArray[np.bool_]]:
    """Return correctness, bool [seeds, n] per model, for the expected accuracies `models`.

    The logit of an image is the sum of the model's level, the image's difficulty (sd `shared`,
    equal for all models), the model's effect on the image (sd `own`), and the effect of the seed
    (sd `seed_sd`).
    """
    common = rng.normal(0, shared, n)
    sd = float(np.sqrt(shared**2 + own**2 + seed_sd**2))
    return {
        name: rng.random((seeds, n))
        < _logistic(
            _level(accuracy, sd)
            + common
            + rng.normal(0, own, n)
            + rng.normal(0, seed_sd, (seeds, 1))
        )
        for name, accuracy in models.items()
    }


def _logistic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-x)))


@cache
def _level(accuracy: float, sd: float) -> float:
    """Return the level with mean accuracy `accuracy` over logits of this sd, by bisection."""
    z = np.linspace(-6, 6, 601)
    weight = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        if float((_logistic(middle + sd * z) * weight).sum()) < accuracy:
            low = middle
        else:
            high = middle
    return low


def write_run(
    root: Path,
    label: str,
    seed: int,
    correct: NDArray[np.bool_],
    *,
    classes: int = 10,
    data: str = "digits",
    epochs: int = 4,
    status: Status = "finished",
    lr: float = 0.1,
    epoch_s: float = 10.0,
    params: int = 270_000,
    stem: str = "cifar",
    hardware: str = "Test CPU",
    fingerprint: str | None = None,
    labels: NDArray[np.int16] | None = None,
    changes: dict[str, Any] | None = None,
    minute: int | None = None,
) -> Path:
    """Write one run folder below `root` and return it; `correct` is [n] over the test images."""
    n = len(correct)
    truth = labels if labels is not None else (np.arange(n) % classes).astype(np.int16)
    top5 = ranked(truth, correct, classes, seed)
    config = {
        "seed": seed,
        "output_root": str(root),
        "name": "default",
        "model": {"name": label, "stem": "auto", "options": {}},
        "data": {"name": data, "batch_size": 128},
        "optimizer": {"name": "sgd", "lr": lr},
        "trainer": {"max_epochs": epochs, "devices": 1},
    }
    recipe = hashlib.sha256(json.dumps(config | {"seed": None}).encode()).hexdigest()
    whole = hashlib.sha256(json.dumps(config).encode()).hexdigest()
    folder = root / f"{label}-{data}-e{epochs}-d1-s{seed}-{whole[:8]}".replace("/", "_")
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    confidence = np.where(correct, rng.uniform(0.6, 1, n), rng.uniform(0.3, 0.9, n))
    hits5 = (top5 == truth[:, None]).any(axis=1)
    val = float(correct.mean())
    record = RunRecord(
        id=folder.name,
        label=label,
        name="default",
        status=status,
        error=Failure(type="RuntimeError", message="it broke") if status == "failed" else None,
        started_at=(start := _START + timedelta(minutes=minute or next(_MINUTES))).isoformat(),
        finished_at=(start + timedelta(seconds=50)).isoformat(),
        wall_s=50.0,
        config_hash=whole,
        model=ModelSection(
            name=label,
            source="own",
            stem=stem,
            params=params,
            macs=params * 100,
            size_mb=params * 4 / 1e6,
            input_size=[3, 32, 32],
        ),
        data=DataSection(
            name=data,
            classes=classes,
            n_train=5000,
            n_val=500,
            n_test=n,
            fingerprint=fingerprint or hashlib.sha256(data.encode()).hexdigest(),
        ),
        training=training(seed, epochs, lr, recipe),
        best=BestSection(epoch=epochs, val_acc1=val),
        test=TestSection(
            acc1=float(correct.mean()),
            acc5=float(hits5.mean()),
            loss=1 - val + 0.01 * seed,
            n=n,
            correct1=int(correct.sum()),
            correct5=int(hits5.sum()),
        ),
        timing=TimingSection(
            epoch_s=epoch_s,
            train_s=epoch_s * 0.9,
            val_s=epoch_s * 0.1,
            data_wait_s=epoch_s * 0.05,
            images_per_s=5000 / (epoch_s * 0.9),
            time_to_best_s=epoch_s * epochs,
        ),
        memory=MemorySection(peak_rss_mib=500.0 + params / 1e5),
        environment=environment(hardware, label, seed),
    )
    if changes:
        record = RunRecord.model_validate(_merge(record.model_dump(by_alias=True), changes))
    (folder / "run.json").write_text(json.dumps(record.model_dump(by_alias=True), indent=2))
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "epochs.csv").write_text(epoch_rows(epochs, epoch_s, val))
    np.savez(
        folder / "predictions.npz",
        label=truth,
        top5=top5,
        confidence=confidence.astype(np.float32),
    )
    return folder


def ranked(
    truth: NDArray[np.int16], correct: NDArray[np.bool_], classes: int, seed: int
) -> NDArray[np.int16]:
    """Return top5 [n, min(5, classes)], all different; the first is right if `correct`."""
    rng = np.random.default_rng(1000 + seed)
    n, width = len(truth), min(5, classes)
    others = (
        truth[:, None] + 1 + rng.permuted(np.tile(np.arange(classes - 1), (n, 1)), axis=1)
    ) % classes
    top5 = others[:, :width].copy() if classes > width else np.c_[others, truth][:, :width]
    second = ~correct & (
        np.arange(n) % 2 == 0
    )  # half of the wrong predictions have the true class second
    if classes > width:
        top5[second, 1] = truth[second]
    top5[correct, 0] = truth[correct]
    if classes <= width:  # every class appears once
        top5[correct, 1:] = others[correct][:, : width - 1]
    narrowed: NDArray[np.int16] = top5.astype(np.int16)
    return narrowed


def training(seed: int, epochs: int, lr: float, recipe: str) -> TrainingSection:
    """Return the section `training` of a record."""
    return TrainingSection(
        seed=seed,
        max_epochs=epochs,
        epochs_done=epochs,
        batch_size=128,
        devices=1,
        accelerator="cpu",
        strategy="auto",
        precision="32-true",
        optimizer="sgd",
        lr=lr,
        scheduler="cosine",
        weight_decay=5e-4,
        label_smoothing=0.0,
        protocol="holdout",
        selection="validation",
        test_reads=1,
        val_fraction=0.1,
        split_seed=0,
        image_size=32,
        normalize="train",
        mean=[0.5],
        std=[0.2],
        augment={"crop_padding": 4, "flip": True},
        model_changes=[],
        ema_decay=None,
        gradient_clip_norm=None,
        channels_last=False,
        compile=False,
        matmul_precision="highest",
        deterministic=True,
        recipe_hash=recipe,
    )


def environment(hardware: str, label: str, seed: int) -> EnvironmentSection:
    """Return the section `environment` of a record."""
    return EnvironmentSection(
        python="3.11",
        torch="2.6",
        torchvision="0.21",
        pytorch_lightning="2.6",
        cnncompare="0.1.0",
        os="Linux",
        cpu=hardware,
        threads=2,
        gpu=None,
        git_commit=None,
        git_dirty=None,
        argv=["python", "-m", "cnncompare", f"model={label}", f"seed={seed}"],
    )


def epoch_rows(epochs: int, epoch_s: float, final: float) -> str:
    """Return epochs.csv of a run with a validation accuracy that rises to `final`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    for epoch in range(1, epochs + 1):
        reached = final * (1 - 0.5 ** (2 * epoch)) if epoch < epochs else final
        writer.writerow(
            {
                "epoch": epoch,
                "train_s": epoch_s * 0.9,
                "val_s": epoch_s * 0.1,
                "data_wait_s": epoch_s * 0.05,
                "images_per_s": 5000 / (epoch_s * 0.9),
                "lr": 0.1,
                "val_acc1": reached,
            }
        )
    return text.getvalue()


def write_sweep(
    root: Path,
    models: dict[str, float],
    seeds: int = 3,
    n: int = 1000,
    rng_seed: int = 0,
    options: dict[str, dict[str, Any]] | None = None,
    **common: Any,
) -> dict[str, NDArray[np.bool_]]:
    """Write a run per model and seed; return correctness, bool [seeds, n] per model."""
    right = simulate(np.random.default_rng(rng_seed), models, seeds, n)
    for label, correct in right.items():
        for seed in range(seeds):
            write_run(root, label, seed, correct[seed], **(common | (options or {}).get(label, {})))
    return right


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merge(base[key], value) if both else value
    return merged


def evaluation(**changes: Any) -> dict[str, Any]:
    """Return the section `evaluation` of a record of a test of pretrained weights."""
    check = {"verdict": "subset", "message": "published top-1 69.76 % lies within the interval"}
    return {
        **dict.fromkeys(("channels_last", "compile", "mask_classes", "squash"), False),
        **dict.fromkeys(("reference_result", "weights_map"), None),
        "preprocessing_deviations": [],
        "corrupt_images": [],
        "notes": [],
        "model_changes": [],
        "seed": 0,
        "batch_size": 128,
        "devices": 1,
        "accelerator": "cpu",
        "strategy": "single_device",
        "precision": "32-true",
        "test_reads": 1,
        "split_seed": 0,
        "image_size": 224,
        "normalize": "weights",
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "matmul_precision": "highest",
        "deterministic": True,
        "recipe_hash": changes.pop("recipe", "a"),
        "transform_of": "torchvision ResNet18_Weights.IMAGENET1K_V1",
        "resize": 256,
        "interpolation": "bilinear",
        "on_corrupt_image": "error",
        "check": check,
        **changes,
    }


def result_like(template: Result, label: str, seed: int, correct: NDArray[np.bool_]) -> Result:
    """Return a copy of `template` in memory as another run, because simulations need thousands."""
    n = len(correct)
    truth = np.zeros(n, dtype=np.int16)
    outcome = Outcome(
        truth, np.where(correct, 0, 1).astype(np.int16), correct, correct, np.ones(n, np.float32)
    )
    test = TestSection(acc1=float(correct.mean()), acc5=1.0, n=n)
    record = template.record.model_copy(update={"label": label, "test": test})
    return Result(
        run=Run(Path(label), record),
        model=template.model,
        data=template.data,
        run_settings=template.run_settings.model_copy(update={"seed": seed}),
        training=template.training,
        evaluation=None,
        outcome=outcome,
    )
