"""Commands whose calls are broken: a run, the decoded cache, a test, a sweep, report, export."""

import functools
import io
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from PIL import Image

from cnncompare.config.files import conf_folder
from cnncompare.data.sources.imagenet.synsets import synsets
from cnncompare.errors import CnncompareError, Interrupted
from cnncompare.export.command import main as export
from cnncompare.report.command import main as report
from cnncompare.sweep import processes
from cnncompare.sweep.processes import JobProcess
from cnncompare.sweep.run_sweep import run_jobs
from cnncompare.sweep.worker import run_forked
from cnncompare.training.build import build_data
from cnncompare.training.callbacks import evaluation_journal
from cnncompare.training.callbacks.epoch_recorder import EpochRecorder
from cnncompare.training.callbacks.prediction_writer import PredictionWriter
from cnncompare.training.train import train
from tests.composing import compose_config
from tests.crash.points import Scenario
from tests.crash.records import contents, finished_epochs, refused, run_results
from tests.crash.settings import TRAINING
from tests.sweep.exact import digest


def ending(action: Callable[[], object]) -> int:
    """Run the action as the command line does: an error is one line, and the exit code is its."""
    try:
        action()
    except CnncompareError as error:
        print(f"cnncompare: {error}", file=sys.stderr)
        return error.exit_code
    except Interrupted as stop:
        print(f"cnncompare: {stop}", file=sys.stderr)
        return stop.exit_code
    return 0


def warm_up(folder: Path, action: Callable[[], object]) -> None:
    """Run the action in this process, so that the forked ones find all modules imported."""
    before = os.getcwd()
    os.chdir(folder)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        action()
    os.chdir(before)


def note(folder: Path, name: str) -> None:
    with (folder / "marks").open("a") as file:
        file.write(f"{name}\n")


def mark_epochs(folder: Path) -> None:
    """Note each epoch that this process and its jobs train."""
    original = EpochRecorder.on_train_epoch_start

    def on_train_epoch_start(self: Any, trainer: Any, pl_module: Any) -> None:
        note(folder, f"{Path(trainer.default_root_dir).name}:{trainer.current_epoch + 1}")
        original(self, trainer, pl_module)

    EpochRecorder.on_train_epoch_start = on_train_epoch_start  # type: ignore[method-assign]


def training(statics: Path, *overrides: str) -> Scenario:
    """A run of two epochs."""
    config = compose_config(*TRAINING, *overrides, "output_root=outputs")
    warm_up(statics, lambda: train(config))

    def command(folder: Path) -> int:
        mark_epochs(folder)
        return ending(lambda: train(config))

    return Scenario(
        "run",
        lambda folder: None,
        command,
        lambda folder: refused(folder / "outputs"),
        lambda folder: run_results(folder / "outputs"),
        lambda folder: finished_epochs(folder / "outputs"),
    )


def cache(statics: Path) -> Scenario:
    """The decoded images of a folder, hashed and surveyed."""
    photos = statics / "photos"
    rng = np.random.default_rng(0)
    for number in range(24):
        path = photos / ("train", "test")[number % 2] / ("cat", "dog")[number // 2 % 2]
        path.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path / f"{number}.png")
    settings = ("data=folder", f"data.root={photos}", "data.image_size=16", "data.val_fraction=0.4")
    config = compose_config(
        "model=lenet5", *settings, "data.workers=0", "data.cache_dir=outputs/cache"
    )

    def command(folder: Path) -> int:
        return ending(lambda: note_pixels(folder))

    def note_pixels(folder: Path) -> None:
        data = build_data(config, None)
        data.prepare()
        pixels = data.test_images(range(data.n_test))
        (folder / "seen").write_text(digest([pixels, data.mean, data.std, data.fingerprint]))

    return Scenario(
        "cache",
        lambda folder: None,
        command,
        lambda folder: refused(folder / "outputs"),
        lambda folder: {
            "pixels": (folder / "seen").read_text(),
            "files": contents(folder / "outputs"),
        },
    )


def journal(statics: Path) -> Scenario:
    """A test of a network in ImageNet's protocol, whose journal is flushed after each batch."""
    root = statics / "imagenet"
    rng = np.random.default_rng(0)
    for label in (0, 1, 65, 999):
        for number in range(2):
            path = root / "val" / synsets()[label] / f"ILSVRC2012_val_{label:05d}{number:03d}.JPEG"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(path)
    config = compose_config(
        *("experiment=imagenet_val", "model=squeezenet1_1", "model.weights=null"),
        *(f"data.root={root}", "data.batch_size=2", "data.workers=0", "trainer.threads=1"),
        *("trainer.accelerator=cpu", "display.progress=off", "output_root=outputs"),
        "data.cache_dir=outputs/cache",
    )

    def command(folder: Path) -> int:
        evaluation_journal.FLUSH_S = 0.0
        original = PredictionWriter.on_test_batch_end

        def on_test_batch_end(self: Any, trainer: Any, task: Any, outputs: Any, *rest: Any) -> None:
            for position in outputs["indices"].tolist():
                note(folder, f"image {position}")
            original(self, trainer, task, outputs, *rest)

        PredictionWriter.on_test_batch_end = on_test_batch_end  # type: ignore[method-assign,assignment]
        return ending(lambda: train(config))

    def tested(folder: Path) -> set[str]:
        row = np.dtype([*evaluation_journal.FIELDS.items(), ("top5", "<i2", (5,))])
        found = set()
        for path in (folder / "outputs").rglob("tested-0.rows"):
            content = path.read_bytes()
            rows = np.frombuffer(content[: len(content) - len(content) % row.itemsize], row)
            found |= {f"image {position}" for position in rows["indices"].tolist()}
        return found

    return Scenario(
        "journal",
        lambda folder: None,
        command,
        lambda folder: refused(folder / "outputs"),
        lambda folder: run_results(folder / "outputs"),
        tested,
    )


def sweep(statics: Path, *settings: str, seeds: int = 2) -> Scenario:
    """A sweep: the calls of its own process, also in its temporary folder."""
    common = [*TRAINING, "logger=[]", "output_root=outputs", *settings]
    warm_up(statics, lambda: train(compose_config(*common)))
    overrides = [[*common, f"seed={seed}"] for seed in range(seeds)]
    configs = [compose_config(*words) for words in overrides]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        composed = [compose("config", words) for words in overrides]

    def command(folder: Path) -> int:
        mark_epochs(folder)
        processes._fork = fork
        tempfile.tempdir = str(folder / "outputs")
        return ending(lambda: run_jobs(configs, composed, overrides))

    return Scenario(
        "sweep",
        lambda folder: (folder / "outputs").mkdir(),
        command,
        lambda folder: refused(folder / "outputs"),
        lambda folder: run_results(folder / "outputs"),
        lambda folder: finished_epochs(folder / "outputs"),
    )


def fork(job_file: Path, environment: dict[str, str]) -> JobProcess:
    """Start a job as the sweep does, but from this process, which has loaded torch."""
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_run_job, args=(str(job_file), environment))
    process.start()
    assert process.pid is not None
    return JobProcess(process.pid, lambda: process.exitcode)


def _run_job(job_file: str, environment: dict[str, str]) -> None:
    finalize._registry.clear()  # type: ignore[attr-defined]  # the sweep removes its own folder
    run_forked(job_file, environment)


def study(statics: Path) -> Path:
    """Return a folder with two finished runs."""
    folder = statics / "study"
    for seed in (0, 1):
        words = (*TRAINING, f"seed={seed}", "logger=[]", f"output_root={folder}")
        train(compose_config(*words, "trainer.max_epochs=1"))
    return folder / "default"


def reports(statics: Path) -> Scenario:
    """A report on two runs; the figures are rendered once, by the first."""
    import vl_convert

    runs = study(statics)
    for name in ("vegalite_to_svg", "svg_to_png", "svg_to_pdf"):
        setattr(vl_convert, name, functools.cache(getattr(vl_convert, name)))
    command_line = ["outputs/study"]
    shutil.copytree(runs, statics / "outputs" / "study")
    warm_up(statics, lambda: report(command_line))

    def prepare(folder: Path) -> None:
        shutil.copytree(runs, folder / "outputs" / "study")

    def result(folder: Path) -> dict[str, Any]:
        events = [p.stat().st_size for p in (folder / "outputs" / "study").glob("*tfevents*")]
        return {"files": contents(folder / "outputs"), "events": events}

    return Scenario(
        "report",
        prepare,
        lambda folder: ending(lambda: report(command_line)),
        lambda folder: refused(folder / "outputs"),
        result,
    )


def exports(statics: Path) -> Scenario:
    """An export in four formats."""
    (run,) = list(study(statics).glob("*s0*"))[:1]
    suffixes = {"state_dict": "pt", "safetensors": "safetensors", "torchscript": "ts"}

    def command(folder: Path) -> int:
        for form, suffix in suffixes.items():
            out = folder / "outputs" / f"net.{suffix}"
            if out.exists() and out.with_name(f"{out.name}.md").exists():
                continue
            words = [str(run), "--to", form, "--out", str(out)]
            if code := ending(functools.partial(export, words)):
                return code
        return 0

    def result(folder: Path) -> dict[str, Any]:
        files = contents(folder / "outputs")
        script = torch.jit.load(str(folder / "outputs" / "net.ts"))
        return files | {"net.ts": digest(script.state_dict()).encode()}

    return Scenario(
        "export",
        lambda folder: (folder / "outputs").mkdir(),
        command,
        lambda folder: refused(folder / "outputs"),
        result,
    )


SCENARIOS: dict[str, Callable[[Path], Scenario]] = {
    "run": training,
    "cache": cache,
    "journal": journal,
    "sweep": sweep,
    "report": reports,
    "export": exports,
}
