"""The worked example of the guide runs as printed, in an otherwise empty folder."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "add-your-own-cnn.md"
Call = Callable[..., subprocess.CompletedProcess[str]]


def block(language: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert len(found) == 1
    return str(found[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "mynets.py").write_text(block("python"))
    (tmp_path / "conf" / "model" / "mynet.yaml").write_text(block("yaml"))
    return tmp_path


SHORT = ("data.limit_train=200", "trainer.max_epochs=1", "logger=csv")


def test_the_example_trains_with_its_option_and_is_recorded(folder: Path, cnncompare: Call) -> None:
    command = block("bash").splitlines()[1].split()[3:]
    process = cnncompare(*command, *SHORT, cwd=folder)
    assert process.returncode == 0, process.stderr
    (record,) = [json.loads(p.read_text()) for p in folder.glob("outputs/**/run.json")]
    assert record["status"] == "finished"
    assert record["model"]["name"] == "mynet"
    # By hand: 9x16 + 2x16 + 9x16x32 + 2x32 + 32x10 + 10 on one channel.
    assert record["model"]["params"] == 9 * 16 + 32 + 9 * 16 * 32 + 64 + 330
    assert record["model"]["stem"] == "cifar"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: mynet", "name: mynett", "unknown model 'mynett' of source own"),
        ("module: mynets", "module: mynest", "there is no mynest.py"),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, cnncompare: Call, old: str, new: str, message: str
) -> None:
    path = folder / "conf" / "model" / "mynet.yaml"
    path.write_text(path.read_text().replace(old, new))
    process = cnncompare("model=mynet", "data=digits", *SHORT, cwd=folder)
    assert process.returncode == 2
    assert message in process.stderr
    assert "Traceback" not in process.stderr
    assert not (folder / "outputs").exists()
