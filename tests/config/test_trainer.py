"""Names and values of PyTorch Lightning's Trainer, against the hashes of their own spelling."""

from pathlib import Path

import pytest
import yaml

from cnncompare.config import trainer
from cnncompare.config.compose import compose_config as compose_saved
from cnncompare.config.schema import Config
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
