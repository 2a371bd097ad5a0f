"""Functions of the public interface; they import torch only to train."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from cnncompare.api.run import Run
from cnncompare.api.study import Study
from cnncompare.config.compose import compose_config
from cnncompare.config.schema import Config
from cnncompare.errors import Interrupted
from cnncompare.inference.choose_runs import read_runs
from cnncompare.language.catalogue import in_language
from cnncompare.runs.lifecycle import finished_run
from cnncompare.system.openmp import limit_spinning
from cnncompare.training.changed_data import check_data_unchanged
from cnncompare.training.preflight import preflight


def compose(
    overrides: Sequence[str] = (), *, config: str | os.PathLike[str] | None = None
) -> Config:
    """Return the validated configuration that the command line would compose.

    `overrides` are those of the command line, such as ``["model=vgg16", "seed=1"]``; options and
    modules of your own are found in ``./conf`` and beside it. With `config`, the folder of a run or
    its ``config.yaml``, the configuration is that of the run, without options, and the overrides
    change single keys, such as ``trainer.max_epochs=50``. Raises ConfigError, in one line.
    """
    return compose_config(overrides, None if config is None else Path(config))


def train(config: Config) -> Run:
    """Train, validate and test one configuration as the command line does; return its run.

    A finished run of the same configuration is returned at once, an interrupted one is resumed.
    A script needs no ``if __name__ == "__main__":`` around the call. With several devices,
    Lightning starts the script once more for each further device. Raises UserError before anything
    is written, RunError after the reason was recorded, and KeyboardInterrupt after Ctrl-C.
    """
    run = finished_run(config)
    if run is not None:
        note = check_data_unchanged(config)
        if note:
            print(f"cnncompare: note: {note}", file=sys.stderr)
        return Run(run.folder, run.record)
    preflight(config)
    limit_spinning()
    from cnncompare.training.train import train as train_run

    try:
        with in_language(config.language):
            run = train_run(config)
    except Interrupted as stop:
        if stop.exit_code == 128 + signal.SIGINT:
            raise KeyboardInterrupt(str(stop)) from None
        raise SystemExit(stop.exit_code) from None
    return Run(run.folder, run.record)


def load(path: str | os.PathLike[str]) -> Run | Study:
    """Return the run at or below a folder, or the study of all of them if there are several.

    Raises DataError if the folder is missing or holds no run.
    """
    folder = Path(path).expanduser()
    runs = [Run(run.folder, run.record) for run in read_runs(folder)]
    return runs[0] if len(runs) == 1 else Study(folder, runs)
