"""Hydra plugin: a sweeper that searches with Optuna, through the public interface of version 4.

Hydra imports this file in every Hydra application of the environment. Therefore it imports nothing
heavy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

RESULTS = "optimization_results.yaml"  # in the folder of the runs
SAMPLERS = {"tpe": "TPESampler", "random": "RandomSampler"}
DIRECTIONS = ("maximize", "minimize")


class OptunaSweeper(Sweeper):
    """Asks a study for the values of each trial and tells it the objective of the run."""

    def __init__(
        self,
        direction: str,
        storage: str | None,
        study_name: str | None,
        n_trials: int,
        n_jobs: int,
        sampler: str,
        seed: int | None,
        params: dict[str, str] | None,
    ) -> None:
        self.direction = direction
        self.storage = storage
        self.study_name = study_name
        self.n_trials = n_trials
        self.n_jobs = n_jobs
        self.sampler = sampler
        self.seed = seed
        self.params = params

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context = hydra_context
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        from cnncompare.config.quoting import quote_overrides
        from cnncompare.errors import RunError
        from cnncompare.sweep.search_space import split_overrides

        assert self.hydra_context is not None
        study = self._study()
        params = [f"{key}={value}" for key, value in (self.params or {}).items()]
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides([*quote_overrides(params, "sweep"), *arguments])
        distributions, shared = split_overrides(overrides)
        n_failed = 0
        for first in range(0, self.n_trials, self.n_jobs):
            n_jobs = min(self.n_jobs, self.n_trials - first)
            trials = [self._ask(study, distributions) for _ in range(n_jobs)]
            jobs = [
                [*shared, *(f"{key}={value}" for key, value in trial.params.items())]
                for trial in trials
            ]
            returns = self._launch(study, trials, jobs, first)
            n_failed += sum(not _tell(study, *pair) for pair in zip(trials, returns, strict=True))
        self._finish(study)
        if n_failed:
            raise RunError(f"{n_failed} of {self.n_trials} trials did not finish")

    def _study(self) -> Any:
        """Create or continue the study; raises ConfigError for settings that Optuna refuses."""
        from cnncompare.errors import ConfigError, first_line

        try:
            import optuna
            from optuna.study import StudyDirection
        except ImportError:
            raise ConfigError(
                "hydra/sweeper=optuna needs the package optuna: pip install 'cnncompare[optuna]'"
            ) from None
        self._check_settings()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = getattr(optuna.samplers, SAMPLERS[self.sampler])(seed=self.seed)
        try:
            return optuna.create_study(
                study_name=self.study_name,
                storage=self.storage,
                sampler=sampler,
                direction=StudyDirection[self.direction.upper()],
                load_if_exists=True,
            )
        except Exception as error:  # of Optuna, SQLAlchemy or a driver of the database
            raise ConfigError(
                f"hydra.sweeper.storage={self.storage}: {first_line(error)}"
            ) from None

    def _check_settings(self) -> None:
        from cnncompare.errors import ConfigError

        for name, known in (("sampler", SAMPLERS), ("direction", DIRECTIONS)):
            if getattr(self, name) not in known:
                raise ConfigError(
                    f"hydra.sweeper.{name}={getattr(self, name)}: use {' or '.join(known)}"
                )
        for name in ("n_trials", "n_jobs"):
            if getattr(self, name) < 1:
                raise ConfigError(f"hydra.sweeper.{name}={getattr(self, name)}: use 1 or more")

    def _ask(self, study: Any, distributions: dict[str, Any]) -> Any:
        from cnncompare.errors import ConfigError, first_line

        try:
            return study.ask(distributions)
        except ValueError as error:  # the stored study searched other values
            raise ConfigError(
                f"hydra.sweeper.study_name={self.study_name}: {first_line(error)}"
            ) from None

    def _launch(
        self, study: Any, trials: Sequence[Any], jobs: Sequence[Sequence[str]], first: int
    ) -> Sequence[JobReturn]:
        """Run the jobs; without results, such as after Ctrl-C, the trials of the study failed."""
        from hydra_plugins.cnncompare_sweep import FreshProcessLauncher, launch_for_sweeper

        assert self.launcher is not None
        assert self.hydra_context is not None
        assert self.config is not None
        try:
            if isinstance(self.launcher, FreshProcessLauncher):
                return self.launcher.launch(jobs, initial_job_idx=first)
            return launch_for_sweeper(self.launcher, self.hydra_context, self.config, jobs, first)
        except BaseException:
            for trial in trials:
                _tell_failure(study, trial)
            raise

    def _finish(self, study: Any) -> None:
        """Print the best trial, and write it to a file beside the runs."""
        if not any(trial.value is not None for trial in study.trials):
            return
        assert self.config is not None
        best = study.best_trial
        values = " ".join(f"{key}={value}" for key, value in best.params.items())
        print(f"best of {len(study.trials)} trials: {best.value:g} with {values}", flush=True)
        results = {"name": "optuna", "best_params": best.params, "best_value": best.value}
        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(OmegaConf.create(results), folder / RESULTS)


def _tell(study: Any, trial: Any, returned: JobReturn) -> bool:
    """Tell the study the outcome; return whether the job finished with an objective."""
    finished = returned.status is JobStatus.COMPLETED and returned.return_value is not None
    if finished:
        study.tell(trial, float(returned.return_value))
    else:
        _tell_failure(study, trial)
    return finished


def _tell_failure(study: Any, trial: Any) -> None:
    from optuna.trial import TrialState

    study.tell(trial, state=TrialState.FAIL)


@dataclass
class OptunaSweeperConf:
    """Settings of `hydra.sweeper`."""

    _target_: str = "hydra_plugins.cnncompare_optuna.OptunaSweeper"
    direction: str = "maximize"  # of the best validation accuracy
    storage: str | None = None  # URL of a database, with which a study can be continued
    study_name: str | None = None
    n_trials: int = 20
    n_jobs: int = 1  # trials whose values are chosen at the same time
    sampler: str = "tpe"
    seed: int | None = None  # of the sampler
    params: dict[str, Any] | None = None  # as on the command line


ConfigStore.instance().store(
    group="hydra/sweeper", name="optuna", node=OptunaSweeperConf, provider="cnncompare"
)
