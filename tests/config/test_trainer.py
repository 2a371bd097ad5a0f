"""Names and values of PyTorch Lightning's Trainer, against the hashes of their own spelling."""

from pathlib import Path

import pytest
import yaml

from cnncompare.config import trainer
from cnncompare.config.compose import compose_config as compose_saved
from cnncompare.config.schema import Config
from cnncompare.config.training_length import check_length, training_length
from cnncompare.config.validation import validate
from cnncompare.errors import ConfigError
from tests.composing import compose_config

DIGITS = ("data=digits", "model=lenet5")


def composed(*overrides: str) -> Config:
    return compose_config(*DIGITS, *overrides)


@pytest.mark.parametrize(
    ("written", "precision"),
    [
        *(("32", "32-true"), ("'32'", "32-true"), ("32-true", "32-true")),
        *(("16", "16-mixed"), ("'16'", "16-mixed"), ("16-mixed", "16-mixed")),
        *(("bf16", "bf16-mixed"), ("bf16-mixed", "bf16-mixed"), ("bf16-true", "bf16-true")),
    ],
)
def test_the_spelling_of_a_precision_does_not_change_the_hash(written: str, precision: str) -> None:
    config = composed(f"trainer.precision={written}")
    assert config.trainer.precision == precision
    assert config.hash() == composed(f"trainer.precision={precision}").hash()


def test_renamed_keys_keep_the_hashes_of_earlier_versions() -> None:
    """Hashes of version 0.1, with trainer.gradient_clip_norm=1.0 and trainer.nodes=2."""
    assert composed("trainer.gradient_clip_val=1.0").identity()["trainer"] == {
        "gradient_clip_norm": 1.0
    }
    assert composed("trainer.num_nodes=2").identity()["trainer"] == {"nodes": 2}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.nodes=2", "trainer.nodes is no longer a key; use trainer.num_nodes"),
        (
            "+trainer.gradient_clip_norm=1",
            "trainer.gradient_clip_norm is no longer a key; use trainer.gradient_clip_val",
        ),
        ("trainer.devices=0", "trainer.devices=0: give a number of devices, auto, or a list"),
        ("trainer.devices=[]", r"trainer.devices=[]: give a number"),
        ("trainer.devices=[1,1]", r"trainer.devices=[1, 1]: give a number"),
        ("trainer.devices=[-1]", r"trainer.devices=[-1]: give a number"),
        ("trainer.devices=two", "trainer.devices='two': give a number"),
        ("trainer.devices=true", "trainer.devices=True: give a number"),
        ("trainer.strategy=fsdp", "trainer.strategy=fsdp is not available"),
        ("trainer.strategy=ddq", "expected auto or ddp; did you mean 'ddp'?"),
        ("trainer.precision=true", "trainer.precision=True: expected 32-true"),
        ("trainer.precision=16-true", "'16-true': expected 32-true"),
    ],
)
def test_invalid_values_are_refused_in_one_line(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose_saved([*DIGITS, override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_configuration_of_an_earlier_run_is_read(tmp_path: Path) -> None:
    config = composed("trainer.gradient_clip_val=0.5").model_dump()
    section = config["trainer"]
    section["gradient_clip_norm"] = section.pop("gradient_clip_val")
    section["nodes"] = section.pop("num_nodes")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    read = compose_saved([], tmp_path)
    assert read == composed("trainer.gradient_clip_val=0.5")
    assert validate(read.model_dump()) == read


@pytest.mark.parametrize(("gpus", "expected"), [(0, 1), (1, 1), (4, 4)])
def test_auto_is_all_gpus_or_one_process(
    monkeypatch: pytest.MonkeyPatch, gpus: int, expected: int
) -> None:
    monkeypatch.setattr(trainer, "count_cuda_gpus", lambda: gpus)
    assert composed("trainer.devices=auto").trainer.devices == expected
    assert composed("trainer=ddp").trainer.processes == expected
    assert composed("trainer.devices=auto", "trainer=cpu").trainer.devices == 1
    assert composed("trainer=ddp").hash() == composed(f"trainer.devices={expected}").hash()


def test_the_choice_of_gpus_does_not_change_the_hash() -> None:
    two = composed("trainer.devices=2")
    for listed in ("[0,2]", "[3,1]"):
        config = composed(f"trainer.devices={listed}")
        assert (config.hash(), config.run_id()) == (two.hash(), two.run_id())
        assert config.trainer.processes == 2
    assert composed("trainer.devices=[5]").hash() == composed().hash()
    with pytest.raises(ConfigError, match=r"not divisible by trainer.devices"):
        composed("trainer.devices=[0,1,2]", "data.batch_size=128")


def test_ddp_with_one_process_has_the_hash_and_the_folder_of_auto() -> None:
    one, two = composed("trainer.strategy=ddp"), composed("trainer.devices=2")
    assert (one.hash(), one.run_id()) == (composed().hash(), composed().run_id())
    assert one.trainer.uses_ddp
    assert two.trainer.uses_ddp
    assert not composed().trainer.uses_ddp
    assert two.hash() == composed("trainer.devices=2", "trainer.strategy=ddp").hash()


def section(**values: object) -> trainer.TrainerConfig:
    return trainer.TrainerConfig.model_validate(values)


def test_spellings_of_one_value_are_one_value() -> None:
    hour = section(max_time="00:01:00:00")
    for written in ({"hours": 1}, {"minutes": 60}, {"seconds": 3600.0}, " 00:01:00:00 "):
        assert section(max_time=written) == hour
    assert section(max_time={"weeks": 1, "days": 1}).max_time == "08:00:00:00"
    assert section(fast_dev_run=True) == section(fast_dev_run=1)
    default = section()
    off: tuple[dict[str, object], ...] = (
        {"fast_dev_run": False},
        {"max_steps": -1},
        {"limit_train_batches": 1.0},
        {"limit_val_batches": 1.0},
        {"overfit_batches": 0.0},
        {"max_epochs": 25},
    )
    assert all(section(**values) == default for values in off)
    assert section(limit_train_batches=1).limit_train_batches == 1  # one batch, not all
    assert section(limit_train_batches=10.0) == section(limit_train_batches=10)
    for epochs in (25, -1, None):
        steps = section(max_steps=10, max_epochs=epochs)
        assert (steps, steps.max_epochs) == (section(max_steps=10), None)


def test_the_defaults_are_not_in_the_identity_and_changes_are() -> None:
    plain = composed()
    changes = {
        "trainer.max_steps=10": "lenet5-digits-steps10-",
        "trainer.max_time=00:00:00:01": "lenet5-digits-e25-",
        "trainer.accumulate_grad_batches=2": "lenet5-digits-e25-",
        "trainer.check_val_every_n_epoch=5": "lenet5-digits-e25-",
        "trainer.fast_dev_run=true": "lenet5-digits-e1-",
        "trainer.limit_train_batches=0.5": "lenet5-digits-e25-",
        "trainer.limit_val_batches=2": "lenet5-digits-e25-",
        "trainer.overfit_batches=1": "lenet5-digits-e25-",
    }
    configs = [composed(override) for override in changes]
    assert len({config.hash() for config in (plain, *configs)}) == len(changes) + 1
    for config, start in zip(configs, changes.values(), strict=True):
        assert config.run_id().startswith(start)
        assert validate(config.model_dump()) == config
    assert composed("trainer.profiler=simple").hash() == plain.hash()
    assert composed("trainer.num_sanity_val_steps=-1").hash() == plain.hash()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("max_steps=9 max_epochs=10", "max_steps=9 and trainer.max_epochs=10 are two lengths"),
        ("max_steps=9 max_epochs=25", "max_steps=9 and trainer.max_epochs=25 are two lengths"),
        ("max_steps=9 max_epochs=0", "max_steps=9 and trainer.max_epochs=0 are two lengths"),
        ("max_epochs=null", "trainer.max_epochs=null trains without an end"),
        ("max_steps=0", "trainer.max_steps=0: expected a whole number of at least 1 or null"),
        ("max_steps=2.5", "trainer.max_steps=2.5: expected a whole number"),
        ("accumulate_grad_batches=3", "is not divisible by trainer.accumulate_grad_batches=3"),
        (
            "accumulate_grad_batches=3 devices=2",
            "is not divisible by trainer.devices=2 times trainer.accumulate_grad_batches=3; use",
        ),
        ("accumulate_grad_batches=0", "trainer.accumulate_grad_batches=0: expected a whole"),
        ("max_time=90", "trainer.max_time=90: give days, hours, minutes and seconds as DD:HH"),
        ("max_time=1:30", "trainer.max_time=1:30: give days"),
        ("max_time=00:00:00:00", "trainer.max_time=00:00:00:00: give days"),
        ("max_time={hour:1}", "trainer.max_time={'hour': 1}: give days"),
        ("max_time={hours:-1}", "trainer.max_time={'hours': -1}: give days"),
        ("limit_train_batches=0", "trainer.limit_train_batches=0: give a number of batches"),
        ("limit_train_batches=1.5", "trainer.limit_train_batches=1.5: give a number of batches"),
        ("limit_val_batches=true", "trainer.limit_val_batches=true: give a number of batches"),
        ("limit_val_batches=few", "trainer.limit_val_batches=few: give a number of batches"),
        ("overfit_batches=-1", "trainer.overfit_batches=-1: give a number of batches"),
        ("overfit_batches=2 limit_val_batches=2", "limit the same batches; use one of them"),
        ("fast_dev_run=-1", "trainer.fast_dev_run=-1: give true for one batch of each split"),
        ("fast_dev_run=0.5", "trainer.fast_dev_run=0.5: give true"),
        ("fast_dev_run=true max_epochs=0", "to test on fewer images use data.limit_test"),
        ("check_val_every_n_epoch=26", "never validates in trainer.max_epochs=25; use at most 25"),
        ("profiler=fast", "trainer.profiler='fast': expected simple, advanced, pytorch or null"),
        ("num_sanity_val_steps=-2", "trainer.num_sanity_val_steps=-2: expected a whole number of"),
    ],
)
def test_a_contradiction_or_a_wrong_value_is_one_line(overrides: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose_saved([*DIGITS, *(f"trainer.{text}" for text in overrides.split())])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_length_of_a_training_in_steps_and_epochs() -> None:
    """By hand: 1,000 images in batches of 64 are 15 steps per epoch."""

    def length(n_train: int = 1000, **values: object) -> tuple[int, int, int]:
        config = composed().model_copy(update={"trainer": section(**values)})
        found = training_length(config, n_train, 64)
        return found.epochs, found.steps, found.steps_per_epoch

    assert length(max_epochs=3) == (3, 45, 15)
    assert length(max_steps=45) == (3, 45, 15)
    assert length(max_steps=46) == (4, 46, 15)
    assert length(max_epochs=3, accumulate_grad_batches=4) == (3, 45, 15)
    assert length(max_epochs=3, accumulate_grad_batches=4, limit_train_batches=6) == (3, 6, 2)
    assert length(max_epochs=3, limit_train_batches=0.5) == (3, 21, 7)
    assert length(max_epochs=3, limit_train_batches=500) == (3, 45, 15)
    assert length(fast_dev_run=2, max_epochs=9) == (1, 2, 2)
    assert length(overfit_batches=3, max_steps=7) == (3, 7, 3)
    with pytest.raises(ConfigError, match=r"limit_train_batches=0.01 of 15 batches is less than"):
        length(limit_train_batches=0.01)


def test_steps_are_compared_with_epochs_once_the_images_are_known() -> None:
    config = composed("trainer.max_steps=30", "trainer.check_val_every_n_epoch=3")
    with pytest.raises(ConfigError, match="is 2 epochs of 15 steps; use at most 2"):
        check_length(config, training_length(config, 1000, 64))
    config = composed("trainer.max_steps=30", "scheduler.warmup_epochs=2")
    with pytest.raises(ConfigError, match=r"less than the 2 epochs of trainer\.max_steps=30"):
        check_length(config, training_length(config, 1000, 64))
