"""The printed JSON Schema, checked with jsonschema against what the configuration accepts."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from omegaconf import OmegaConf

from cnncompare.cli import run as run_command
from cnncompare.config.files import conf_folder
from cnncompare.config.json_schema import GROUPS, json_schema
from tests.composing import compose_config
from tests.config_schemas import MODELINE, schema_files, with_modeline, yaml_files

REWRITE = "python -m tests.config_schemas writes it anew"


def errors(content: Any, group: str | None = None) -> list[str]:
    found = Draft202012Validator(json_schema(group)).iter_errors(content)
    return [error.message for error in found]


def loaded(path: Path) -> Any:
    """Return the content as Hydra reads it: 3e-4 is a number."""
    return OmegaConf.to_container(OmegaConf.load(path), resolve=False)


@pytest.mark.parametrize("group", [None, *GROUPS])
def test_each_schema_is_valid(group: str | None) -> None:
    schema = json_schema(group)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    "overrides",
    [
        "data=digits model=lenet5",
        "optimizer=adamw scheduler=multistep logger=[tensorboard,csv,wandb] data=cifar100",
        "data=folder data.root=. data.image_size=64 data.augment.mix=cutmix trainer.ema_decay=0.9",
        "experiment=imagenet_val data.root=. model=resnet18 model.weights=IMAGENET1K_V1",
        "data=synthetic data.synthetic.noise=0.5 sweep.workers=2 +model.options.dropout=0.2",
        "loss=focal loss.class_weights=balanced callbacks=[early_stopping,swa] optimizer=rmsprop",
    ],
)
def test_valid_configurations_are_accepted(overrides: str) -> None:
    assert errors(compose_config(*overrides.split()).model_dump()) == []


@pytest.mark.parametrize(
    "content",
    [
        {"modle": {}},
        {"trainer": {"max_epoch": 3}},
        {"trainer": {"max_epochs": "three"}},
        {"trainer": {"max_epochs": -1}},
        {"trainer": {"precision": "64"}},
        {"data": {"augment": {"flp": True}}},
        {"data": {"batch_size": "large"}},
        {"optimizer": {"name": "sgd", "beta1": 0.9}},
        {"optimizer": {"lr": 0}},
        {"scheduler": {"milestones": [2]}},
        {"loss": {"name": "focal", "gama": 2.0}},
        {"callbacks": {"swa": {"start": 0.5}}},
        {"callbacks": {"mine": {"period": 2}}},  # without its module
        {"seed": 1.5},
        {"name": "../x"},
        {"defaults": "model"},
    ],
)
def test_what_the_configuration_refuses_is_refused(content: dict[str, Any]) -> None:
    assert errors(content)


def test_files_may_hold_a_part_and_interpolations() -> None:
    assert errors({"optimizer": {"lr": "${model.lr.sgd}"}, "data": {"root": "???"}}) == []
    assert errors({"defaults": [{"override /data": "digits"}], "hydra": {"run": {}}}) == []
    assert errors({"max_epochs": 3, "defaults": ["default"]}, "trainer") == []
    assert errors({"defaults": ["sgd"], "momentum": 0.5}, "optimizer") == []


@pytest.mark.parametrize("path", sorted(schema_files()), ids=str)
def test_the_shipped_schemas_are_up_to_date(path: Path) -> None:
    assert path.read_text() == schema_files()[path], REWRITE


@pytest.mark.parametrize(
    "path", sorted(yaml_files()), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_each_shipped_file_names_its_schema_and_fulfils_it(path: Path) -> None:
    text = path.read_text()
    assert with_modeline(text, yaml_files()[path]) == text, REWRITE
    (line,) = (line for line in text.splitlines() if line.startswith(MODELINE))
    schema = json.loads((path.parent / line.removeprefix(MODELINE)).read_text())
    found = Draft202012Validator(schema).iter_errors(loaded(path))
    assert [error.message for error in found] == []


def test_every_file_but_those_for_hydra_names_a_schema() -> None:
    files = {p for p in conf_folder().rglob("*.yaml") if "hydra" not in p.parts}
    assert files == set(yaml_files())


def test_comments_and_docstrings_are_descriptions() -> None:
    definitions = json_schema()["$defs"]
    trainer = definitions["TrainerConfig"]
    assert trainer["description"].startswith("Duration, devices, precision")
    epochs = trainer["properties"]["max_epochs"]
    assert epochs["description"].startswith("0: no training, only a test of the weights")
    assert epochs["default"] == 25
    described = [d["properties"] for name, d in definitions.items() if name != "Config"]
    described_keys = [key for d in described for key, value in d.items() if "description" in value]
    assert len(described_keys) > 0.7 * sum(len(d) for d in described)


def test_the_command_prints_it_without_torch() -> None:
    code = (
        "import sys; from cnncompare.cli import run; assert run(['schema']) == 0\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert json.loads(done.stdout) == json_schema()


def test_an_unknown_group_names_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["schema", "optimiser"]) == 2
    printed = capsys.readouterr()
    assert "no config group 'optimiser'; did you mean 'optimizer'?" in printed.err
    assert printed.err.count("\n") == 1
    assert not printed.out


def test_the_schema_of_a_run_is_that_of_its_configuration() -> None:
    header = {"defaults": [{"override hydra/job_logging": "none"}, "_self_"], "hydra": {"run": {}}}
    assert errors(compose_config("data=digits").model_dump() | header) == []
