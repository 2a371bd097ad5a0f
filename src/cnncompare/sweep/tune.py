"""``cnncompare tune``: the same trials for each network, then its seeds with the best of them.

The jobs are those of a sweep, in the same folders. Imports no torch.
"""

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from cnncompare.config.schema import Config
from cnncompare.config.validation import validate
from cnncompare.errors import ConfigError, RunError
from cnncompare.runs.run import read_existing, selected_accuracy
from cnncompare.sweep.candidates import Candidate, candidates_of, check_protocol
from cnncompare.sweep.job_state import Job
from cnncompare.sweep.queue import JobQueue
from cnncompare.sweep.resources import slots_for
from cnncompare.sweep.tune_options import TuneOptions
from cnncompare.sweep.tuning_space import points, space_of
from cnncompare.system.signals import RaiseInterrupted
from cnncompare.terminal.formatting import percent
from cnncompare.terminal.result import print_next_steps
from cnncompare.terminal.sweep_table import print_sweep_table

Settings = dict[str, Any]  # values by key of the configuration


def tune_networks(
    configs: Sequence[Config],
    composed: Sequence[DictConfig],
    job_overrides: Sequence[Sequence[str]],
    options: TuneOptions,
) -> None:
    """Run the trials, choose, train the default and the chosen settings, and print a table.

    Raises ConfigError before anything starts if the jobs cannot be compared, RunError if a job
    did not finish, and Interrupted after a signal.
    """
    _check(configs)
    networks = candidates_of(configs, composed, job_overrides)
    check_protocol(networks)
    with RaiseInterrupted(), tempfile.TemporaryDirectory(prefix="cnncompare-") as folder:
        tuning = Tuning(networks, options, Path(folder))
        tuning.run()


def _check(configs: Sequence[Config]) -> None:
    folders = sorted({str(config.run_folder().parent) for config in configs})
    if len(folders) > 1:
        raise ConfigError(
            f"the runs would lie in {folders[0]} and {folders[1]}; a tuning has one folder: give "
            "one name and one output_root"
        )
    if not all(config.trains for config in configs):
        raise ConfigError("trainer.max_epochs=0 trains nothing, so there is nothing to tune")
    if any(config.data.protocol == "test_as_val" for config in configs):
        raise ConfigError(
            "data.protocol=test_as_val would choose the settings on the test set; tune needs a "
            "validation split, data.protocol=holdout"
        )


class Tuning:
    """The trials of all networks, and the runs with the settings chosen from them."""

    def __init__(self, networks: list[Candidate], options: TuneOptions, folder: Path) -> None:
        self._networks = networks
        self._options = options
        self._folder = folder  # for the files of the jobs
        configs = [network.config for network in networks]
        self._space = space_of(configs, options.ranges)
        self._numbers = itertools.count(1)
        self._trials = [list(self._settings(network)) for network in networks]

    def run(self) -> None:
        """Run the trials, choose the settings, run both settings, and print a table."""
        n_networks, trials, seeds = len(self._networks), self._options.trials, self._options.seeds
        print(
            f"{n_networks} network{'s' * (n_networks != 1)}, each with {trials} "
            f"trial{'s' * (trials != 1)} in the space {self._space}, then {seeds} "
            f"seed{'s' * (seeds != 1)} of its default and of its best setting: "
            f"{n_networks * (trials + 2 * seeds)} runs",
            flush=True,
        )
        jobs = self._trial_jobs()
        self._finish([job for job in jobs.values() if not _diverged(job)])
        finals = list(self._final_jobs(self._choose(jobs)))
        self._finish(finals)
        runs = [run for job in finals if (run := read_existing(job.config.run_folder()))]
        print_sweep_table(runs)
        print_next_steps([run.folder.parent for run in runs])

    def _settings(self, network: Candidate) -> Iterator[Settings]:
        """Yield the settings of a network's trials, the default first."""
        yield {}
        for point in points(self._options.trials - 1):
            yield self._space.settings(network.config, point)

    def _trial_jobs(self) -> dict[tuple[int, int], Job]:
        """Return the jobs by network and trial, all networks' first trials first."""
        found = {}
        for trial in range(self._options.trials):
            for k, network in enumerate(self._networks):
                tuning = {"setting": "trial", "space": str(self._space), "trial": trial + 1}
                settings = {**self._trials[k][trial], "test": False}
                label = f"{network.label} trial {trial + 1} of {self._options.trials}"
                found[k, trial] = self._job(network, settings, tuning, 0, label)
        return found

    def _choose(self, jobs: dict[tuple[int, int], Job]) -> list[int]:
        """Return the best trial of each network by validation accuracy, the first one on a tie.

        Raises RunError if no trial of a network trained.
        """
        print()
        chosen = []
        for k, network in enumerate(self._networks):
            accuracies = [_accuracy(jobs[k, t]) for t in range(self._options.trials)]
            best = max(range(len(accuracies)), key=lambda t: accuracies[t])
            if accuracies[best] < 0:
                raise RunError(
                    f"all trials of {network.label} diverged; give lower rates, lr=0.01:1"
                )
            chosen.append(best)
            print(self._choice(network, best, accuracies, self._trials[k][best]), flush=True)
        return chosen

    def _choice(
        self, network: Candidate, best: int, accuracies: Sequence[float], settings: Settings
    ) -> str:
        values = " ".join(f"{key}={value:g}" for key, value in settings.items())
        default = "diverged" if accuracies[0] < 0 else percent(accuracies[0])
        return (
            f"{network.label}: trial {best + 1} of {len(accuracies)} is the best on validation, "
            f"{percent(accuracies[best])} ({values or 'the default'}; default: {default})"
        )

    def _final_jobs(self, chosen: Sequence[int]) -> Iterator[Job]:
        shared = {"trials": self._options.trials, "space": str(self._space)}
        for seed in range(self._options.seeds):
            for k, network in enumerate(self._networks):
                rows = {"default": {}, "tuned": self._trials[k][chosen[k]]}
                for setting, values in rows.items():
                    label = f"{network.label} {setting} seed={seed}"
                    tuning = {"setting": setting, **shared}
                    yield self._job(network, values, tuning, seed, label)

    def _job(
        self, network: Candidate, settings: Settings, tuning: Settings, seed: int, label: str
    ) -> Job:
        values = {
            **settings,
            **{f"tuning.{key}": value for key, value in tuning.items()},
            "seed": seed,
        }
        composed = network.composed.copy()
        for key, value in values.items():
            OmegaConf.update(composed, key, value)
        return Job(
            number=next(self._numbers),
            config=validate(composed),
            composed=composed,
            overrides=(*network.overrides, *map(_override, values.items())),
            label=label,
        )

    def _finish(self, jobs: list[Job]) -> None:
        """Run the jobs; raises RunError if any did not finish. A diverged run is a result."""
        if not jobs:
            return
        queue = JobQueue(jobs, slots_for([job.config for job in jobs]), self._folder)
        queue.run()
        done = ("finished", "skipped")
        open_ = [
            job
            for job in jobs
            if queue.outcomes[job.number].kind not in done and not _diverged(job)
        ]
        if open_:
            first = queue.outcomes[open_[0].number]
            raise RunError(
                f"{len(open_)} of {len(jobs)} jobs did not finish ({open_[0].label}: "
                f"{first.reason or first.kind}); the same command continues"
            )


def _override(item: tuple[str, Any]) -> str:
    key, value = item
    if isinstance(value, bool):
        return f"{key}={str(value).lower()}"
    return f"{key}='{value}'" if key == "tuning.space" else f"{key}={value}"


def _diverged(job: Job) -> bool:
    """Return whether the run diverged, which a repetition would do again."""
    run = read_existing(job.config.run_folder())
    error = run.record.error if run and run.record.status == "failed" else None
    return error is not None and error.type == "Diverged"


def _accuracy(job: Job) -> float:
    """Return the validation accuracy of a trial, -1 if it diverged."""
    run = None if _diverged(job) else read_existing(job.config.run_folder())
    accuracy = selected_accuracy(run) if run else None
    return -1.0 if accuracy is None else accuracy
