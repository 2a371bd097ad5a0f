"""Sweeps through other launchers end like those of the own one: table, list, exit code."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from omegaconf import OmegaConf

from cnncompare.config.schema import Config
from cnncompare.errors import Interrupted, RunError
from cnncompare.runs.lifecycle import close_on_exit, open_run, start_run
from cnncompare.sweep import launched_job
from cnncompare.sweep.launch_jobs import launch_jobs
from cnncompare.sweep.launched_job import SweepProcess, run_launched
from tests.composing import compose_config
from tests.sweep.conftest import Call, started, wait_for

ROOT = Path(__file__).resolve().parents[2]


def table_cells(output: str) -> list[list[str]]:
    """Return the rows of the table at the end of a sweep, without times and memory."""
    lines = output.splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("model  "))
    rows = [line.split() for line in lines[head + 2 :] if line.startswith("naughty ")]
    return [[lines[head].split()[0], row[0], row[1], row[2]] for row in rows]


def assert_one_finished_and_one_failed(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 1, done.stderr
    assert table_cells(done.stdout) == [
        ["model", "naughty", "1", "finished"],
        ["model", "naughty", "0", "failed"],
    ]
    assert "\n1 failed, 1 finished\n  failed       model.options.way=raise  " in done.stdout
    assert "ValueError: this network always fails" in done.stdout
    assert "\nresults      outputs/default\n" in done.stdout
    assert "1 of 2 jobs did not finish" in done.stderr


def test_joblib(sweep: Call, folder: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    launcher = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=1")
    assert_one_finished_and_one_failed(sweep(*launcher, "model.options.way=good,raise"))
    again = sweep(*launcher, "model.options.way=good")  # nothing is launched
    assert (again.returncode, "1 skipped" in again.stdout) == (0, True), again.stderr


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["cnncompare", "basic", "submitit_local", "ray"])
def test_every_launcher(launcher: str, sweep: Call, folder: Path) -> None:
    if launcher == "ray":
        pytest.importorskip("ray")
    if launcher == "submitit_local":
        pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    done = sweep(f"hydra/launcher={launcher}", "model.options.way=good,raise")
    assert_one_finished_and_one_failed(done)
    records = [json.loads(path.read_text()) for path in folder.glob("outputs/default/*/run.json")]
    (finished,) = [record for record in records if record["status"] == "finished"]
    parallel = launcher in ("submitit_local", "ray")
    assert finished["training"]["clocks_shared"] == parallel


@pytest.mark.slow
def test_a_crash_in_ray_is_one_failed_job(sweep: Call, folder: Path) -> None:
    pytest.importorskip("ray")
    done = sweep("hydra/launcher=ray", "model.options.way=kill,good")
    assert done.returncode == 1, done.stderr
    assert "1 failed, 1 finished" in done.stdout
    records = [json.loads(path.read_text()) for path in folder.glob("outputs/default/*/run.json")]
    assert sorted(record["status"] for record in records) == ["failed", "finished"]
    assert [r["error"]["type"] for r in records if r["error"]] == ["JobExited"]


@pytest.mark.slow
@pytest.mark.timeout(480)
@pytest.mark.parametrize("launcher", ["joblib", "ray", "basic"])
def test_a_signal_interrupts_the_jobs(launcher: str, folder: Path) -> None:
    if launcher == "ray":
        pytest.importorskip("ray")
    overrides = (f"hydra/launcher={launcher}", "model.options.way=wait", "seed=0,1,2")
    with started(folder, *overrides) as process:
        wait_for((folder / "at_work").exists, 200)
        process.send_signal(signal.SIGTERM)
        (folder / "go_on").touch()  # the batch at hand is finished, then the job stops
        output = process.communicate(timeout=200)[0]
    assert process.returncode == 128 + signal.SIGTERM, output
    assert output.endswith("cnncompare: stopped by SIGTERM; the same command continues\n")
    paths = list(folder.glob("outputs/default/*/run.json"))
    statuses = {json.loads(path.read_text())["status"] for path in paths}
    assert statuses == {"interrupted"}


def test_without_ray_the_extra_is_named(tmp_path: Path) -> None:
    code = "import sys; sys.modules['ray'] = None; from cnncompare.cli import run; "
    arguments = ("-m", "hydra/launcher=ray", "data=digits", "model=lenet5", "logger=[]")
    done = subprocess.run(
        [sys.executable, "-c", f"{code}sys.exit(run(sys.argv[1:]))", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "cnncompare: hydra/launcher=ray needs the package ray: pip install 'cnncompare[ray]'\n"
    )
    assert not list(tmp_path.iterdir())


class FakeLauncher(Launcher):
    """Returns what `act` does with the number of each job, or raises `problem` at the end."""

    def __init__(self, act: Callable[[int], JobReturn], problem: Exception | None = None) -> None:
        self.act = act
        self.problem = problem
        self.launched: list[Sequence[str]] = []

    def setup(self, **_: Any) -> None:
        raise NotImplementedError

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        self.launched += job_overrides
        returned = [self.act(number) for number, _ in enumerate(job_overrides, initial_job_idx)]
        if self.problem:
            raise self.problem
        return returned


@pytest.fixture
def configs(tmp_path: Path) -> list[Config]:
    shared = (f"output_root={tmp_path}", "model=lenet5", "data=digits")
    return [compose_config(*shared, f"seed={seed}") for seed in (0, 1, 2)]


def finish(config: Config, error: BaseException | None = None) -> JobReturn:
    """Write the record of a job, and return what the launcher returns for it."""
    try:
        with open_run(config, 0.0) as run:
            start_run(run)
            with close_on_exit(run):
                if error:
                    raise error
    except RunError as failure:
        return JobReturn(status=JobStatus.FAILED, _return_value=failure)
    return JobReturn(status=JobStatus.COMPLETED, _return_value=0.5)


def launch(launcher: Launcher, configs: list[Config]) -> None:
    overrides = [[f"seed={config.seed}"] for config in configs]
    launch_jobs(launcher, configs, [OmegaConf.create() for _ in configs], overrides)


def test_finished_and_repeated_jobs_are_launched_once(
    configs: list[Config], capsys: pytest.CaptureFixture[str]
) -> None:
    finish(configs[0])
    launcher = FakeLauncher(lambda number: finish(configs[number + 1]))
    launch(launcher, [*configs, configs[1]])
    assert launcher.launched == [("seed=1",), ("seed=2",)]
    assert "3 finished, 1 skipped" in capsys.readouterr().out


def test_a_launcher_that_fails_leaves_the_outcomes_of_the_records(
    configs: list[Config], capsys: pytest.CaptureFixture[str]
) -> None:
    def act(number: int) -> JobReturn:
        if number == 1:
            with pytest.raises(Interrupted):
                finish(configs[1], Interrupted(signal.SIGTERM))
        return finish(configs[2]) if number == 2 else JobReturn()

    launcher = FakeLauncher(act, OSError("the workers are gone\nand more"))
    with pytest.raises(RunError, match="2 of 3 jobs did not finish"):
        launch(launcher, configs)
    out = capsys.readouterr().out
    assert "1 finished, 1 interrupted, 1 not started" in out
    assert "  interrupted  seed=1  Interrupted: stopped by SIGTERM\n" in out
    assert "  not started  seed=0  OSError: the workers are gone\n" in out


def test_a_record_without_a_process_is_closed(
    configs: list[Config], capsys: pytest.CaptureFixture[str]
) -> None:
    def act(number: int) -> JobReturn:
        with open_run(configs[number], 0.0) as run:
            start_run(run)  # and the process dies
        return JobReturn(status=JobStatus.FAILED, _return_value=RunError("worker died"))

    with pytest.raises(RunError):
        launch(FakeLauncher(act), configs[:1])
    assert "  failed       " in capsys.readouterr().out
    record = json.loads((configs[0].run_folder() / "run.json").read_text())
    assert (record["status"], record["error"]["type"]) == ("failed", "JobExited")


def test_a_forced_job_that_does_not_start_does_not_show_the_earlier_run(
    configs: list[Config], capsys: pytest.CaptureFixture[str]
) -> None:
    finish(configs[0])
    forced = configs[0].model_copy(update={"force": True})
    with pytest.raises(RunError):
        launch(FakeLauncher(lambda _: JobReturn(), OSError("nobody came")), [forced])
    assert "  not started  " in capsys.readouterr().out


ELSEWHERE = SweepProcess(pid=0)


def test_a_signal_while_torch_is_imported_ends_the_job_without_a_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launched_job, "_stop_reason", "")
    monkeypatch.setattr(launched_job, "import_module", lambda _: os.kill(os.getpid(), 15))
    with pytest.raises(RunError, match="stopped by SIGTERM"):
        run_launched(lambda _: pytest.fail("the job has started"), None, ELSEWHERE)
    with pytest.raises(RunError, match="not started: stopped by SIGTERM"):  # a further job
        run_launched(lambda _: pytest.fail("the job has started"), None, ELSEWHERE)


PROCESS = """
import atexit, os, pickle, signal, sys
from cnncompare.errors import RunError
from cnncompare.sweep import launched_job
launched_job.import_module = lambda name: atexit.register(print, "loggers closed")
sweep = pickle.loads(pickle.dumps(launched_job.SweepProcess(pid=0)))
if sys.argv[1] == "stop early":
    signal.signal(signal.SIGTERM, lambda *_: None)  # as submitit does
    os.kill(os.getpid(), signal.SIGTERM)
def run(composed):
    if composed == "stop":
        os.kill(os.getpid(), 15)
    if composed == "fail":
        raise RunError("failed")
try:
    launched_job.run_launched(run, sys.argv[1], sweep)
except RunError:
    print("result stored")
"""


@pytest.mark.parametrize(
    ("behaviour", "executor", "code", "output"),
    [
        ("fail", "slurm", 1, ["result stored", "loggers closed"]),
        ("fail", None, 0, ["result stored", "loggers closed"]),
        ("good", "slurm", 0, ["loggers closed"]),
        ("stop", "slurm", 143, ["loggers closed"]),
        ("stop early", "slurm", 143, ["loggers closed"]),
    ],
)
def test_the_process_of_a_job_exits_with_its_code(
    behaviour: str, executor: str | None, code: int, output: list[str]
) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "SUBMITIT_EXECUTOR"}
    environment |= {"SUBMITIT_EXECUTOR": executor} if executor else {}
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, behaviour],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout.splitlines()) == (code, output), done.stderr


def test_a_job_runs_in_the_folder_of_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    SweepProcess(pid=0, folder=str(ROOT), path=("/own/modules",)).imitate()
    assert (Path.cwd(), sys.path[0]) == (ROOT, "/own/modules")
    with pytest.raises(RunError, match=r"/missing: No such file or directory on .* share"):
        SweepProcess(pid=0, folder="/missing").imitate()


def test_squeue_stands_in_for_sacct(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    from cnncompare.sweep.slurm_states import SlurmStates

    listed = tmp_path / "listed"
    listed.write_text("7_0|RUNNING\n7_1|CONFIGURING\n7_2|CANCELLED\n9|PENDING\n")
    for command, script in (("squeue", f"cat {listed}"), ("sacct", "exit 1")):
        (tmp_path / command).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / command).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    states = SlurmStates()
    for job in ("7_0", "7_1", "7_2", "8"):
        states.register_job(job)
    done = {job: states.is_done(job, mode="force") for job in ("7_0", "7_1", "7_2", "8")}
    assert done == {"7_0": False, "7_1": False, "7_2": True, "8": True}
    (tmp_path / "squeue").write_text("#!/bin/sh\nexit 1\n")  # the controller does not answer
    assert not states.is_done("7_0", mode="force")
    assert states.is_done("7_2", mode="force")
