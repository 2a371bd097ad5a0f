"""Roles of the schema's fields, against hashes and folders of the versions before them."""

from itertools import product

import pytest

from cnncompare.config.options import recorded_settings, settings_of
from cnncompare.config.schema_options import distinguishes_groups, protocol_settings
from cnncompare.runs.record import EvaluationSection, TrainingSection
from tests.composing import compose_config

OPTIMIZERS = ("sgd", "adamw")
SCHEDULERS = ("constant", "cosine", "onecycle", "multistep")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ("data=digits model=resnet20", "757bb112b3da1f0d"),
        ("data=digits model=lenet5 seed=3 optimizer=adamw", "e560092f3de0373b"),
        ("model=vgg16 trainer.max_epochs=0", "af716c22c6c5c3e0"),
        ("trainer.max_epochs=0 trainer.ema_decay=0.9 data.augment.flip=true", "e42c95d910229abb"),
        ("data=synthetic data.synthetic.noise=0.5 scheduler=multistep", "ce35faed6a6a14d3"),
        ("experiment=speedrun", "145f97d8a059e883"),
        ("data=folder data.root=/images data.image_size=64 model.options={}", "8a5d8c5d4a67e755"),
        (
            "data=digits data.workers=2 logger=csv output_root=/x force=true data.root=/y",
            "757bb112b3da1f0d",
        ),
    ],
)
def test_hashes_are_those_of_earlier_versions(overrides: str, expected: str) -> None:
    assert compose_config(*overrides.split()).hash()[:16] == expected


@pytest.mark.parametrize(("optimizer", "scheduler"), list(product(OPTIMIZERS, SCHEDULERS)))
@pytest.mark.parametrize("epochs", [0, 5])
def test_each_recorded_setting_has_a_name_of_its_own(
    optimizer: str, scheduler: str, epochs: int
) -> None:
    config = compose_config(
        f"optimizer={optimizer}", f"scheduler={scheduler}", f"trainer.max_epochs={epochs}"
    )
    keys = [s.key for s in settings_of(config) if s.key and s.applies(trains=config.trains)]
    assert len(keys) == len(set(keys))
    measured = {"epochs_done", "mean", "std", "health", "recipe_hash", "strategy"}
    assert not measured & set(keys)


def test_a_setting_of_a_training_is_not_recorded_in_a_test_without_training() -> None:
    config = compose_config("data=digits", "trainer.max_epochs=0")
    tested = recorded_settings(config, trains=False, also=set(EvaluationSection.model_fields))
    trained = recorded_settings(config, trains=True, also=set(TrainingSection.model_fields))
    assert {"lr", "momentum", "augment", "ema_decay", "max_epochs"} <= trained.keys()
    assert not {"lr", "momentum", "augment", "ema_decay", "max_epochs"} & tested.keys()
    assert tested["on_corrupt_image"] == "error"
    assert "on_corrupt_image" not in trained
    assert not {"workers", "cache_dir", "output_root", "display"} & (trained.keys() | tested.keys())


def test_the_protocol_has_the_keys_of_earlier_versions() -> None:
    always = {
        *("batch_size", "precision", "channels_last", "compile", "trim_kernels"),
        *("matmul_precision", "accelerator", "devices"),
    }
    trained = {
        *("split_seed", "val_fraction", "protocol", "image_size", "normalize", "augment"),
        "epochs",
    }
    assert {s.table_key for s in protocol_settings(trains=True)} >= always | trained
    tested = {s.table_key for s in protocol_settings(trains=False)}
    assert tested >= always | {"mask_classes"}
    assert not tested & trained


@pytest.mark.parametrize(
    ("key", "source", "expected"),
    [
        ("seed", "folder", False),
        ("sweep.workers", "folder", False),
        ("logger.mlflow.tracking_uri", "folder", False),
        ("model.lr.sgd", "folder", False),
        ("data.cache_dir", "folder", False),
        ("data.root", "torchvision", False),
        ("data.root", "folder", True),
        ("optimizer.lr", "folder", True),
        ("trainer.max_epochs", None, True),
        ("seedling", None, True),  # no prefix but of whole names
    ],
)
def test_what_distinguishes_groups(key: str, source: str | None, expected: bool) -> None:
    assert distinguishes_groups(key, source) is expected
