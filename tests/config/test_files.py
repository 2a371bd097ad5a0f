import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Call = Callable[..., subprocess.CompletedProcess[str]]

DATA = """\
name: mine
source: synthetic
image_size: 16
channels: 3
synthetic: {classes: 3, n_train: 60, n_test: 30, noise: 0.1}
"""

EXPERIMENT = """\
# @package _global_
defaults:
  - override /data: mine
  - override /model: tiny
trainer: {max_epochs: 1}
name: trial
"""

MODEL = """\
name: tiny
source: own
module: tiny_network
lr: {sgd: 0.1, adamw: 1e-3}
"""

MODULE = """\
from torch import nn

from cnncompare.models.registry import register


@register("tiny", family="tiny", year=2026, paper="none", input_size=(3, 32, 32))
def tiny(*, classes: int, in_channels: int, image_size: int, stem: str) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(in_channels, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, classes),
    )
"""


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def test_a_users_conf_adds_model_data_and_experiment(cnncompare: Call, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "conf/data/mine.yaml": DATA,
            "conf/model/tiny.yaml": MODEL,
            "conf/experiment/trial.yaml": EXPERIMENT,
            "tiny_network.py": MODULE,
        },
    )
    done = cnncompare("experiment=trial")
    assert done.returncode == 0, done.stderr
    (record,) = (tmp_path / "outputs" / "trial").glob("*/run.json")
    content = json.loads(record.read_text())
    assert (content["model"]["name"], content["data"]["name"]) == ("tiny", "mine")
    assert content["test"]["n"] == 30


def test_a_users_file_with_a_shipped_name_is_refused(cnncompare: Call, tmp_path: Path) -> None:
    write(tmp_path, {"conf/data/digits.yaml": DATA})
    done = cnncompare("data=digits")
    assert done.returncode == 2
    assert (
        "digits.yaml has the name of a shipped file, which would hide it; rename it" in done.stderr
    )
    assert not (tmp_path / "outputs").exists()


def test_a_module_that_is_not_there_is_named(cnncompare: Call, tmp_path: Path) -> None:
    write(tmp_path, {"conf/model/tiny.yaml": MODEL})
    done = cnncompare("model=tiny", "data=digits")
    assert done.returncode == 2
    assert "there is no tiny_network.py" in done.stderr


def test_an_error_in_a_users_file_names_the_key(cnncompare: Call, tmp_path: Path) -> None:
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    text = "# @package _global_\nhydra: {launcher: {partition: gpu}}\n"  # of another launcher
    (tmp_path / "conf" / "experiment" / "mine.yaml").write_text(text)
    done = cnncompare("-m", "--cfg", "job", "experiment=mine", "model=lenet5", "data=digits")
    assert done.returncode == 2
    assert "experiment/mine" in done.stderr
    assert "Key 'partition'" in done.stderr
    assert done.stderr.count("\n") == 1
