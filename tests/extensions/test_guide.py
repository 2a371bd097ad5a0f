"""The worked example of docs/extending.md runs as printed, and its mistakes are one line."""

import csv
import hashlib
import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tests.extensions.conftest import GUIDE

Call = Callable[..., subprocess.CompletedProcess[str]]
KINDS = {
    "model": "tiny",
    "data source": "stripes",
    "loss": "brier",
    "optimizer": "signum",
    "scheduler": "halving",
    "augmentation": "darken",
    "callback": "weight_norm",
    "metric": "macro_f1",
    "logger": "lines",
}
RUN = ("model=tiny", "data=stripes", "trainer.max_epochs=1", "logger=[]", "trainer.threads=1")


def commands() -> list[list[str]]:
    (block, *_) = re.findall(r"```bash\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    return [shlex.split(line)[3:] for line in block.splitlines()]


def test_a_sweep_with_a_component_of_each_kind_is_recorded_and_reported(
    folder: Path, cnncompare: Call
) -> None:
    _, sweep, report = commands()
    done = cnncompare(*sweep, "trainer.threads=1", cwd=folder)
    assert done.returncode == 0, done.stderr
    records = {p.parent: json.loads(p.read_text()) for p in folder.glob("outputs/*/*/run.json")}
    assert {r["model"]["name"] for r in records.values()} == {"tiny", "lenet5"}
    sha256 = hashlib.sha256((folder / "mine.py").read_bytes()).hexdigest()
    for run, record in records.items():
        expected = KINDS if record["model"]["name"] == "tiny" else KINDS | {"model": None}
        assert {c["kind"]: c["name"] for c in record["components"]} == {
            kind: name for kind, name in expected.items() if name
        }
        assert {(c["module"], c["sha256"]) for c in record["components"]} == {("mine", sha256)}
        check_run(run, record)
    done = cnncompare(*report, cwd=folder)
    assert done.returncode == 0, done.stderr
    page = (folder / "outputs" / "report.md").read_text().replace("\\", "")
    for kind, name in KINDS.items():
        assert f"{kind} {name} (mine, {sha256[:8]})" in page
    assert "early_stopping (patience 10, min_delta 0.0)" in page


def check_run(run: Path, record: dict[str, object]) -> None:
    """Compare what the components computed with scikit-learn and a hand calculation."""
    training, test = record["training"], record["test"]
    assert isinstance(training, dict) and isinstance(test, dict)  # noqa: PT018
    assert training["loss"] == "brier"
    assert training["callbacks"]["weight_norm"] == {"module": "mine"}
    with (run / "epochs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["lr"]) for row in rows] == [0.003, 0.0015]
    assert all(float(row["weight_norm"]) > 0 for row in rows)
    assert all(0 <= float(row["val_macro_f1"]) <= 1 for row in rows)
    saved = np.load(run / "predictions.npz")
    expected = f1_score(saved["label"], saved["top5"][:, 0], average="macro")
    assert test["metrics"]["macro_f1"] == pytest.approx(expected, abs=1e-6)
    lines = [json.loads(line) for line in (run / "lines.jsonl").read_text().splitlines()]
    assert any("val_macro_f1" in line for line in lines)


@pytest.mark.slow
def test_an_edited_module_makes_a_new_run(folder: Path, cnncompare: Call) -> None:
    assert cnncompare(*RUN, cwd=folder).returncode == 0
    again = cnncompare(*RUN, cwd=folder)
    assert "already finished" in again.stdout
    with (folder / "mine.py").open("a") as file:
        file.write("\n# edited\n")
    assert "already finished" not in cnncompare(*RUN, cwd=folder).stdout
    assert len(list(folder.glob("outputs/*/*/run.json"))) == 2


MISTAKES = [
    (
        "optimizer=signun",
        None,
        "",
        "",
        "unknown optimizer 'signun'; did you mean 'signum'",
    ),
    (
        "optimizer=signum",
        "conf/optimizer/signum.yaml",
        "name: signum",
        "name: signun",
        "unknown optimizer 'signun'; did you mean 'signum'",
    ),
    (
        "optimizer=signum",
        "conf/optimizer/signum.yaml",
        "momentum",
        "momentun",
        "optimizer signum has no option 'momentun'; did you mean 'momentum'? (known: momentum)",
    ),
    (
        "optimizer=signum",
        "conf/optimizer/signum.yaml",
        "name: signum",
        "name: adam",
        "optimizer 'adam' of module mine has the name of a built-in one",
    ),
    (
        "optimizer=signum",
        "mine.py",
        '@register_optimizer("signum")',
        '@register_optimizer("adam")',
        "optimizer 'adam' is registered twice, in ",
    ),
    (
        "loss=brier",
        "mine.py",
        '@register_metric("macro_f1")',
        '@register_loss("brier")',
        "loss 'brier' is registered twice, in ",
    ),
    (
        "loss=brier loss.class_weights=balanced",
        *(None, "", ""),
        "loss.class_weights=balanced: loss brier of module mine does not use it",
    ),
    (
        "loss=brier loss.label_smoothing=0.1",
        *(None, "", ""),
        "loss.label_smoothing=0.1: loss brier of module mine does not use it",
    ),
    (
        "callbacks=weight_norm",
        "conf/callbacks/weight_norm.yaml",
        "module: mine",
        "module: mime",
        "callbacks.weight_norm.module=mime: there is no mime.py in",
    ),
    (
        "metrics=macro_f1",
        "mine.py",
        "import json\n",
        "import jsonn\n",
        "mine.py line 3 cannot be imported: ModuleNotFoundError: No module named 'jsonn'",
    ),
    (
        "augmentations=darken",
        "conf/augmentations/darken.yaml",
        "module: mine",
        "modul: mine",
        "unknown augmentation 'darken'",
    ),
]


@pytest.mark.parametrize(
    ("overrides", "file", "old", "new", "message"),
    [*MISTAKES[:3], *(pytest.param(*row, marks=pytest.mark.slow) for row in MISTAKES[3:])],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    folder: Path,
    cnncompare: Call,
    overrides: str,
    file: str | None,
    old: str,
    new: str,
    message: str,
) -> None:
    if file is not None:
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))
    done = cnncompare(*RUN, *overrides.split(), cwd=folder)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (folder / "outputs").exists()


def test_both_files_of_a_name_registered_twice_are_stated(folder: Path, cnncompare: Call) -> None:
    (folder / "other.py").write_text(
        "from cnncompare.extensions import register_loss\n\n\n"
        '@register_loss("brier")\ndef mine():\n    return None\n'
    )
    (folder / "conf" / "callbacks" / "other.yaml").write_text("other: {module: other}\n")
    done = cnncompare(*RUN, "loss=brier", "callbacks=other", cwd=folder)
    assert done.returncode == 2
    assert f"{folder / 'mine.py'} line" in done.stderr
    assert f"{folder / 'other.py'} line 4" in done.stderr


def test_a_callback_that_raises_fails_the_run_with_its_error(
    folder: Path, cnncompare: Call
) -> None:
    text = (folder / "mine.py").read_text()
    docstring = '"""Log the norm after each epoch."""'
    assert docstring in text
    (folder / "mine.py").write_text(text.replace(docstring, 'raise LookupError("no norm today")'))
    done = cnncompare(*RUN, "callbacks=weight_norm", cwd=folder)
    assert done.returncode == 1
    assert "LookupError: no norm today" in done.stderr
    (path,) = folder.glob("outputs/*/*/run.json")
    record = json.loads(path.read_text())
    assert record["status"] == "failed"
    assert record["error"] == {"type": "LookupError", "message": "no norm today"}
