"""The jobs of a sweep, each in a fresh process, and the table at the end; imports no torch."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from cnncompare.config import Config, validate
from cnncompare.console import print_comparison
from cnncompare.errors import Interrupted, RunError
from cnncompare.run import Run, read_existing


def run_jobs(composed: Sequence[DictConfig], overrides: Sequence[Sequence[str]]) -> list[int]:
    """Run the jobs one after the other and print their table; return the exit codes, all 0.

    A job that fails does not stop the others. Raises RunError at the end when any did, and
    Interrupted when a job was stopped by a signal, which stops the sweep.
    """
    configs = [validate(config) for config in composed]
    codes = []
    for number, (config, settings, words) in enumerate(
        zip(configs, composed, overrides, strict=True), start=1
    ):
        print(f"\njob {number} of {len(configs)}: {' '.join(words)}", flush=True)
        codes.append(_run_job(config, settings, list(words)))
        if codes[-1] in (130, 143):
            raise Interrupted(codes[-1] - 128)
    runs = [run for config in configs if (run := read_existing(config.run_folder()))]
    print_comparison(_once(runs))
    failed = [" ".join(words) for words, code in zip(overrides, codes, strict=True) if code != 0]
    if failed:
        raise RunError(f"{len(failed)} of {len(codes)} jobs failed: {'; '.join(failed)}")
    return codes


def _run_job(config: Config, settings: DictConfig, words: list[str]) -> int:
    existing = read_existing(config.run_folder())
    if existing and existing.record.status == "finished" and not config.force:
        print(f"already finished: {existing.folder}", flush=True)
        return 0
    with tempfile.TemporaryDirectory(prefix="cnncompare-") as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(_job(settings, words)), encoding="utf-8")
        return subprocess.call([sys.executable, "-m", "cnncompare.sweep.job", str(path)])


def _job(settings: DictConfig, words: list[str]) -> dict[str, Any]:
    return {
        "config": OmegaConf.to_container(settings, resolve=True),
        "argv": ["python", "-m", "cnncompare", *words],
    }


def _once(runs: list[Run]) -> list[Run]:
    """Two jobs may name one configuration, and so one run."""
    return list({run.folder: run for run in runs}.values())
