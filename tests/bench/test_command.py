import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cnncompare.bench.command import main
from cnncompare.errors import ConfigError, OutputError

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fast"], "unrecognized arguments: --fast"),
        (["--su"], "unrecognized arguments: --su"),
        (["--suite", "--tune"], "cannot be combined"),
        (["--suite", "model=vgg16"], "no overrides, such as model=vgg16"),
        (["--json", "x.json"], "--json requires --suite or --inference"),
        (["--inference", "--tune"], "--tune and --inference cannot be combined"),
        (["--inference", "data=synthetic", "trainer.devices=2"], "one device"),
        (["--inference", "model=lenet55", "data=digits"], "lenet55"),
        (["--tune", "--data", "x"], "--data requires --suite"),
        (["modle=vgg16"], "did you mean 'model'"),
        (["--tune", "data=synthetic", "trainer.devices=2"], "one device"),
        (["data=synthetic", "trainer.devices=2"], "one device"),
    ],
)
def test_invalid_requests_are_refused_in_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        main(arguments)
    assert "\n" not in str(error.value)


def test_a_result_that_cannot_be_written_is_refused_first(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "x.json", tmp_path):
        with pytest.raises(OutputError, match="cannot write"):
            main(["--suite", "--json", str(path)])


def test_the_command_line(cnncompare: Call) -> None:
    assert "--suite" in cnncompare("bench", "--help").stdout
    wrong = cnncompare("bench", "--no-such-flag")
    assert wrong.returncode == 2
    assert len(wrong.stderr.splitlines()) == 1
    missing = cnncompare("bench", "--suite", "--data", "nowhere")
    assert missing.returncode == 2
    assert missing.stderr.splitlines()[-1].startswith("cnncompare: --data ")


def test_help_and_refusals_import_no_torch() -> None:
    code = """
import sys
from cnncompare.cli import run
codes = [run(arguments) for arguments in (["bench", "--nope"], ["bench", "modle=vgg16"])]
import cnncompare.bench.suite.run_suite, cnncompare.bench.tune, cnncompare.bench.results
heavy = {"torch", "torchvision", "pytorch_lightning", "statsmodels"} & set(sys.modules)
print(codes, heavy)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[2, 2] set()"


def test_throughput_of_a_configuration(cnncompare: Call, tmp_path: Path) -> None:
    overrides = ("model=lenet5", "data=synthetic", "data.limit_train=64", "data.batch_size=32")
    done = cnncompare("bench", *overrides)
    assert done.returncode == 0, done.stderr
    rows = {line.split(":")[0]: line.split() for line in done.stdout.splitlines() if ":" in line}
    assert set(rows) >= {"pipeline", "model", "loop"}
    assert float(rows["loop"][3].replace(",", "")) > 0  # images/s, ours
    assert rows["loop"][-1] == "5"  # rounds
    assert list(tmp_path.iterdir()) == []  # nothing is kept


def test_inference_cost_of_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("runtimes=[eager,onnxruntime]", "precisions=[float32]", "seconds=0.01")
    overrides = [f"callbacks.inference_cost.{option}" for option in options]
    small = ("model=lenet5", "data=digits", "trainer.threads=1", "callbacks=inference_cost")
    assert main(["--inference", *small, *overrides, "--json", "x.json"]) == 0
    output = capsys.readouterr().out
    assert "depth 5, 0.0617 M parameters" in output
    assert max(map(len, output.splitlines()[:7])) <= 80
    found = json.loads((tmp_path / "x.json").read_text())
    assert found["model"]["depth"] == 5
    rows = [(row["runtime"], row["threads"]) for row in found["inference"]["rows"]]
    assert rows == [("eager", 1), ("onnxruntime", 1)]
    assert all(0 < row["latency_s"] < 5 for row in found["inference"]["rows"])
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]  # no run is written
