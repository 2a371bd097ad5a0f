"""A field added to the schema and to its YAML file: everything else follows from its metadata."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

ROOT = Path(__file__).resolve().parents[1]
FIELDS = """\
    sharpened: Annotated[bool, PROTOCOL] = False  # sharpen each image
    jitter: bool = False
    verbose: Annotated[bool, Option("neither")] = False

    @property
    def processes("""
YAML = "sharpened: false\njitter: false\nverbose: false\n"
BASE = (
    "data=synthetic",
    "data.synthetic.n_train=600",
    "data.synthetic.n_test=50",
    "data.synthetic.noise=0.05",
    "model=lenet5",
)
SHORT = ("trainer.max_epochs=4", "data.batch_size=16", "trainer.accelerator=cpu")


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with three new fields, and the runs of a sweep over two of them."""
    folder = tmp_path_factory.mktemp("changed")
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    schema = folder / "src" / "cnncompare" / "config" / "trainer.py"
    text = schema.read_text()
    assert "    @property\n    def processes(" in text
    schema.write_text(text.replace("    @property\n    def processes(", FIELDS, 1))
    with (folder / "conf" / "trainer" / "default.yaml").open("a") as file:
        file.write(YAML)
    swept = ("trainer.sharpened=false,true", "trainer.jitter=false,true")
    skipped = "sweep.skip=['trainer.sharpened=true trainer.jitter=true']"
    cnncompare(folder, "-m", *swept, skipped, *BASE, *SHORT)
    return folder


def cnncompare(folder: Path, *arguments: str) -> str:
    work = folder / "work"
    work.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "cnncompare", *arguments],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def runs(folder: Path) -> dict[tuple[bool, bool], Path]:
    """Return the run folders by the values of `sharpened` and `jitter`."""
    found = {}
    for path in (folder / "work").glob("outputs/default/*/config.yaml"):
        trainer = yaml.safe_load(path.read_text())["trainer"]
        found[trainer["sharpened"], trainer["jitter"]] = path.parent
    return found


def test_it_is_in_the_configuration_and_in_the_record(changed: Path) -> None:
    found = runs(changed)
    assert set(found) == {(True, False), (False, True), (False, False)}
    for (sharpened, jitter), folder in found.items():
        training = json.loads((folder / "run.json").read_text())["training"]
        assert (training["sharpened"], training["jitter"]) == (sharpened, jitter)
        assert "verbose" not in training


def test_it_is_in_the_hyperparameters(changed: Path) -> None:
    for (sharpened, jitter), folder in runs(changed).items():
        plugin = EventAccumulator(str(folder)).Reload().summary_metadata
        content = plugin[metadata.SESSION_START_INFO_TAG].plugin_data.content
        values = metadata.parse_session_start_info_plugin_data(content).hparams
        assert values["training/sharpened"].string_value == str(sharpened)
        assert values["training/jitter"].string_value == str(jitter)
        assert "training/verbose" not in values


def test_a_protocol_option_divides_tables_and_another_one_groups(changed: Path) -> None:
    report: dict[str, Any] = json.loads(cnncompare(changed, "report", "outputs", "--json"))
    tables = {table["protocol"]["sharpened"]: table["groups"] for table in report["tables"]}
    assert {value: len(groups) for value, groups in tables.items()} == {True: 1, False: 2}
    assert {group["fairness"]["jitter"] for group in tables[False]} == {True, False}
    assert "sharpened" not in tables[False][0]["fairness"]
    cnncompare(changed, "report", "outputs")
    text = (changed / "work" / "outputs" / "report.html").read_text()
    assert "other settings" in text
    assert "jitter=True" in text


def test_the_default_leaves_the_folder_as_it_was(changed: Path) -> None:
    here = {**os.environ, "OMP_NUM_THREADS": "1"}
    code = (
        "import sys; from cnncompare.config.compose import compose_config\n"
        "print(compose_config(sys.argv[1:]).run_id())"
    )
    run_ids = []
    for env in (here, here | {"PYTHONPATH": str(changed / "src")}):
        done = subprocess.run(
            [sys.executable, "-c", code, *BASE, *SHORT],
            cwd=changed / "work",
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        run_ids.append(done.stdout)
    assert run_ids[0] == run_ids[1]
    assert runs(changed)[False, False].name == run_ids[0].strip()
    printed = cnncompare(changed, "--cfg", "job", *BASE, *SHORT, "trainer.verbose=true")
    assert "verbose: true" in printed
