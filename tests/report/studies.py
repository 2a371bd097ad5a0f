"""Studies that together bring about almost every sentence of a report."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.comparison.factory import evaluation, simulate, write_run, write_sweep
from tests.comparison.fold_runs import deal, write_fold, write_folds
from tests.report.test_budget import write_pair
from tests.report.test_tuning import RIGHT, WORSE, write_trial, write_tuned

REPORTED = {"verdict": "subset", "message": "no reference result is known for these weights"}
REFERENCE_MESSAGE = (
    "reference top-1 69.76 % is within the 95 % interval 63.31 to 75.92 % of these 200 images; "
    "without the deviation in normalisation, 71.00 % instead of 70.00 % on 200 of the images"
)
NOTES = [
    "500 of 1,000 classes",
    "training images, according to their number (732 per class): accuracy is higher than on the "
    "validation set",
    "3 images missing: n01440764 has 47, of 50 each",
    "2 files that are not images are ignored",
    "1 grey, 2 CMYK images, converted to RGB (the first: a.JPEG)",
    "200 of the 50,000 images, stratified",
]


def seeds(root: Path) -> None:
    """Write three networks with three seeds, on two machines, with disturbed epochs."""
    options: dict[str, dict[str, Any]] = {
        "lenet5": {"params": 6_000, "epoch_s": 3.0},
        "vgg16": {
            "changes": {"training": {"clocks_shared": True, "model_changes": ["max pool -> none"]}}
        },
    }
    write_sweep(root, {"resnet20": 0.93, "vgg16": 0.925, "lenet5": 0.8}, n=400, options=options)
    imbalance = {"split": "train", "largest": "cat", "n_largest": 900}
    data = {"imbalance": imbalance | {"smallest": "dog", "n_smallest": 100}}
    data |= {"leaks": {"identical": 2}, "ignored_files": {"link": 3}}
    write_sweep(
        root,
        {"mobilenet_v2": 0.9},
        n=400,
        hardware="Other CPU",
        changes={"data": data},
        rng_seed=4,
    )
    write_run(root, "alexnet", 0, np.arange(400) % 9 > 0)


def single_runs(root: Path) -> None:
    """Write two networks with one run each, and a run that failed."""
    right = simulate(np.random.default_rng(3), {"resnet20": 0.9, "lenet5": 0.7}, 1, 300)
    for label, correct in right.items():
        write_run(root, label, 0, correct[0])
    write_run(root, "vgg16", 0, right["lenet5"][0], status="failed")
    write_run(root, "alexnet", 0, right["lenet5"][0], changes={"training": {"test_reads": 3}})


def one_network(root: Path) -> None:
    """Write one network with one run."""
    write_run(root, "resnet20", 0, np.arange(300) % 10 > 0)


def few_runs(root: Path) -> None:
    """Write networks with so few runs that some pairs allow no verdict."""
    write_sweep(root, {"resnet20": 0.9, "lenet5": 0.6}, seeds=2, n=100)
    write_sweep(root, {"vgg16": 0.8}, seeds=1, n=100)


def folds(root: Path) -> None:
    """Write three networks on five folds, one of which is missing for the last."""
    right = simulate(np.random.default_rng(0), {"resnet20": 0.95, "lenet5": 0.9}, 1, 500)
    write_folds(root, {label: hits[0] for label, hits in right.items()})
    images = deal(500, 5)
    for number in (1, 2, 3, 4):
        write_fold(root, "vgg16", number, right["lenet5"][0], images[number - 1])


def holdouts(root: Path) -> None:
    """Write two networks on three hold-outs."""
    rng = np.random.default_rng(1)
    right = simulate(rng, {"resnet20": 0.95, "lenet5": 0.8}, 1, 500)
    for number in (1, 2, 3):
        index = np.sort(rng.permutation(500)[:100])
        for label, hits in right.items():
            write_fold(root, label, number, hits[0], index, folds=None, holdout=0.2)


def pretrained(root: Path) -> None:
    """Write tests of pretrained weights on images of ImageNet."""
    right = np.random.default_rng(0).random(200) < 0.7
    deviation = (
        "normalisation: mean 0.5 0.5 0.5, sd 0.5 0.5 0.5 instead of the weights' mean 0.485 0.456 "
        "0.406, sd 0.229 0.224 0.225"
    )
    cases: dict[str, dict[str, Any]] = {
        "resnet18": {"check": REPORTED | {"message": REFERENCE_MESSAGE}},
        "vgg16": {"recipe": "b", "preprocessing_deviations": [deviation], "notes": NOTES},
        "inception_v3": {"recipe": "c", "image_size": 299, "check": REPORTED},
    }
    cases["inception_v3"] |= {"corrupt_images": ["x.JPEG"], "on_corrupt_image": "count_wrong"}
    for label, changes in cases.items():
        section = evaluation(**({"check": REPORTED} | changes))
        model = {"source": "torchvision", "pretrained": "IMAGENET1K_V1"}
        settings = {"training": None, "evaluation": section, "model": model}
        write_run(root, label, 0, right, data="imagenet_val", changes=settings)


def untrained(root: Path) -> None:
    """Write networks that diverged or stayed at chance beside one that trained."""
    diverged = "the training loss rose from 2.3 at the first step to 87"
    chance = (
        "validation accuracy 10.2 % does not significantly exceed the 10.0 % of always predicting "
        "the most frequent class"
    )
    for seed in range(3):
        right = np.random.default_rng(seed).permutation(400) < 380
        write_run(root, "resnet20", seed, right)
        for label, check, evidence in (
            ("lenet5", "diverged" if seed else None, diverged),
            ("vgg16", "at_chance", chance),
        ):
            finding = {"check": check, "evidence": evidence, "advice": "lower it"}
            health = {"training": {"health": [finding]}} if check else None
            write_run(root, label, seed, np.arange(400) % 10 > 1, changes=health)


def tuned(root: Path) -> None:
    """Write tuned networks with their trials."""
    for label, accuracies in (("lenet5", (0.5, 0.8, None)), ("resnet20", (0.9, 0.7, 0.8))):
        write_tuned(root, label, RIGHT if label == "resnet20" else WORSE)
        for number, accuracy in enumerate(accuracies, start=1):
            write_trial(root, label, number, accuracy)


def budget(root: Path) -> None:
    """Write networks with a budget of time, one of which did not use it."""
    write_pair(root, used=500.0)


def many_tables(root: Path) -> None:
    """Write four experiments of three networks each, and settings that differ between tables."""
    for number, data in enumerate(["digits", "flowers", "digits", "svhn"]):
        options: dict[str, Any] = {"data": data, "epochs": 3 + number}
        options["changes"] = {"name": f"study{number}"}
        models = {"resnet20": 0.9, "lenet5": 0.7, "vgg16": 0.8}
        write_sweep(root / f"study{number}", models, seeds=1, n=40, **options)


STUDIES: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "seeds": (seeds, ("--target", "0.9")),
    "seeds_margin": (seeds, ("--margin", "2")),
    "seeds_planned": (seeds, ("--planned-seeds", "5")),
    "seeds_baseline": (seeds, ("--baseline", "resnet20", "--metric", "balanced")),
    "seeds_nll": (seeds, ("--metric", "nll")),
    "single_runs": (single_runs, ()),
    "one_network": (one_network, ()),
    "few_runs": (few_runs, ()),
    "folds": (folds, ()),
    "holdouts": (holdouts, ()),
    "pretrained": (pretrained, ()),
    "untrained": (untrained, ()),
    "tuned": (tuned, ()),
    "budget": (budget, ()),
    "many_tables": (many_tables, ()),
}
"""A study by name: its runs, and the options of the report on it."""
