"""The result of a run and the next commands, on terminals and in files."""

import re
import shlex
from pathlib import Path

import pytest

from cnncompare.runs.record import EvaluationSection, HealthFinding
from cnncompare.stats.imbalance import Imbalance
from cnncompare.system.environment import describe_environment
from cnncompare.terminal.formatting import UNKNOWN
from cnncompare.terminal.result import print_next_steps, print_run_result
from cnncompare.terminal.sweep_table import print_sweep_table
from tests.comparison.factory import evaluation
from tests.terminal.conftest import Printed, make_run


def test_the_result_has_every_number_and_an_unwrapped_folder(
    tmp_path: Path, printed: Printed
) -> None:
    folder = tmp_path / ("long-" * 20) / "with space"
    run = make_run(folder, "resnet18", 0.97222)
    text = printed(50, lambda: print_run_result(run))
    numbers = {
        "test top-1": "97.2 % of 360 images",
        "test top-5": "100.0 %",
        "best epoch": "4 of 5, val top-1 97.9 %",
        "trained in": "3 min 28 s",
        "size (MB)": "44.7",
        "GMACs": "0.555",
        "epoch (s)": "1.23",
        "training": "12,346 images/s",
        "parameters (M)": "11.2",
        "peak memory (MiB)": "612",
    }
    lines = [re.split(" {2,}", line.strip()) for line in text.splitlines()]
    assert numbers.items() <= {line[0]: line[1] for line in lines if len(line) == 2}.items()
    assert "GPU" not in text
    assert shlex.split(text.splitlines()[-1]) == [str(run.folder)]


def test_a_folder_below_the_working_directory_is_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    monkeypatch.chdir(tmp_path)
    run = make_run(tmp_path / "outputs" / "default", "resnet18", 0.9)
    text = printed(None, lambda: print_run_result(run))
    assert text.splitlines()[-1] == f"outputs/default/{run.record.id}"


def test_tested_weights_have_a_reference_check_and_no_epochs(
    tmp_path: Path, printed: Printed
) -> None:
    run = make_run(tmp_path, "resnet18", 0.6364)
    run.folder.mkdir()
    section = EvaluationSection.model_validate(
        {
            **evaluation(
                on_corrupt_image="count_wrong", corrupt_images=["val/n01440764/x.JPEG: truncated"]
            ),
            "check": {"verdict": "differs", "message": "differs: top-1 63.64 %, reference 69.76 %"},
        }
    )
    run.change(training=None, evaluation=section)
    text = printed(None, lambda: print_run_result(run))
    assert "differs: top-1 63.64 %, reference 69.76 %" in text
    assert "corrupt image, counted as wrong: val/n01440764/x.JPEG: truncated" in text
    assert "epoch" not in text
    assert "val top-1" not in text
    table = printed(None, lambda: print_sweep_table([run]))
    assert "resnet18: differs: top-1 63.64 %" in table


def test_an_unknown_number_is_a_dash(tmp_path: Path, printed: Printed) -> None:
    run = make_run(tmp_path, "broken", None)
    text = printed(None, lambda: print_run_result(run))
    assert re.search(rf"test top-1 +{UNKNOWN}", text)
    assert "nan" not in text.lower()
    assert "None" not in text


def test_the_next_steps_are_commands_that_can_be_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "outputs" / "my study"
    text = printed(None, lambda: print_next_steps([folder, folder]))
    lines = text.strip().splitlines()
    assert lines[0] == "results      'outputs/my study'"
    assert lines[1].endswith("cnncompare report 'outputs/my study'")
    assert lines[2].endswith("cnncompare tensorboard 'outputs/my study'")
    assert lines[3].endswith("cnncompare predict 'outputs/my study' IMAGE")
    assert len(lines) == 4


def test_a_run_ends_with_commands_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))  # the program is not on it
    run = make_run(tmp_path / "my study", "resnet18", 0.9)
    text = printed(50, lambda: print_run_result(run))
    for command in (
        f"-m cnncompare predict 'my study/{run.record.id}' IMAGE",
        "-m cnncompare report 'my study'",
        "-m cnncompare tensorboard 'my study'",
    ):
        assert any(line.endswith(command) for line in text.splitlines())


def test_a_program_on_the_path_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    program = tmp_path / "cnncompare"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    text = printed(None, lambda: print_next_steps([tmp_path / "study"]))
    assert f"report       cnncompare report {tmp_path}/study" in text.splitlines()
    monkeypatch.setattr("sys.executable", "/elsewhere/python")  # another installation's program
    assert "/elsewhere/python -m cnncompare" in printed(
        None, lambda: print_next_steps([tmp_path / "study"])
    )


def test_failed_health_checks_have_a_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path, "resnet20", 0.1)
    assert run.record.training is not None
    finding = HealthFinding(check="at_chance", evidence="10.0 % is chance", advice="train longer")
    run.folder.mkdir()
    run.change(training={"health": [finding]})
    print_run_result(run)
    assert "at chance: 10.0 % is chance; train longer" in capsys.readouterr().out.splitlines()


def test_a_network_that_did_not_train_is_repeated_with_its_own_learning_rate(
    tmp_path: Path, printed: Printed
) -> None:
    run = make_run(tmp_path, "vgg16", 0.1)
    run.folder.mkdir()
    argv = ["python", "-m", "cnncompare", "model=vgg16", "optimizer.lr=0.1", "name=my study"]
    finding = HealthFinding(check="at_chance", evidence="10.0 % is chance", advice="lower it")
    run.change(training={"health": [finding]}, environment=describe_environment(argv))
    assert " -m cnncompare model=vgg16 'name=my study'\n" in printed(
        None, lambda: print_run_result(run)
    )
    run.change(training={"health": []})  # it trained
    assert "own rate" not in printed(None, lambda: print_run_result(run))
    run.change(
        training={"health": [finding]}, environment=describe_environment(argv[:4])
    )  # the rate is its own
    assert "own rate" not in printed(None, lambda: print_run_result(run))


def test_an_imbalanced_run_has_a_balanced_accuracy_and_names_unpredicted_classes(
    tmp_path: Path, printed: Printed
) -> None:
    run = make_run(tmp_path, "lenet5", 0.972)
    assert run.record.data is not None
    run.folder.mkdir()
    imbalance = Imbalance("train", "cat", 20, "dog", 11)
    run.change(test={"balanced_acc1": 0.5123}, data={"imbalance": imbalance})
    assert "balanced accuracy" not in printed(None, lambda: print_run_result(run))
    run.change(data={"imbalance": Imbalance("train", "cat", 20, "dog", 10)})
    rows = ["class,n,precision,recall,f1", "a,5,,0.0,0.0", "b,5,0.5,0.2,0.3", "c,0,,,"]
    (run.folder / "per_class.csv").write_text("\n".join([*rows, '"d, e",1,,0.0,0.0']) + "\n")
    text = printed(None, lambda: print_run_result(run))
    assert "balanced accuracy  51.2 %" in " ".join(text.split("\n")).replace("   ", "  ")
    assert "never predicted: a, d, e\n" in text


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"class,n\na,1\n", b'"'])
def test_an_unreadable_table_of_classes_is_no_error(
    tmp_path: Path, printed: Printed, content: bytes
) -> None:
    run = make_run(tmp_path, "lenet5", 0.972)
    run.folder.mkdir()
    (run.folder / "per_class.csv").write_bytes(content)
    assert "never predicted" not in printed(None, lambda: print_run_result(run))
