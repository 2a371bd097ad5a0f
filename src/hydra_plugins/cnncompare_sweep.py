"""Hydra's plugins of cnncompare: the sweeper that checks first, the launcher of fresh processes.

Hydra takes plugins from the package hydra_plugins alone, and imports this file in every Hydra
application of the environment: it imports nothing heavy.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from cnncompare.config.schema import Config


class CheckedSweeper(BasicSweeper):
    """Hydra's basic sweeper, which first checks every job: nothing is written if one is wrong."""

    def sweep(self, arguments: list[str]) -> Any:
        from cnncompare.sweep.compose_jobs import Composer
        from cnncompare.sweep.overrides import is_left_out, with_lines
        from cnncompare.sweep.validate_jobs import check_jobs

        assert self.hydra_context is not None
        assert self.config is not None
        assert self.launcher is not None
        loader = self.hydra_context.config_loader
        words = [*self._parse_config(), *arguments]
        overrides = OverridesParser.create(config_loader=loader).parse_overrides(words)
        (split,) = self.split_arguments(overrides, None)
        asked = self.config.sweep
        composer = Composer(loader, self.config)
        pairs = [(job, composer.compose(job)) for job in with_lines(asked.jobs, split)]
        kept = [pair for pair in pairs if not is_left_out(pair[1], asked.skip)]
        jobs, composed = [job for job, _ in kept], [config for _, config in kept]
        configs = check_jobs(composed, jobs)
        if isinstance(self.launcher, FreshProcessLauncher):
            return [self.launcher.run(jobs, configs, composed)]
        return [self.launcher.launch(jobs, initial_job_idx=0)]


class FreshProcessLauncher(Launcher):
    """Runs each job in a process of its own, as many at a time as there are places for."""

    def __init__(self, plan: bool = False) -> None:
        self.plan = plan

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context = hydra_context
        self.config = config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Compose, check and run the jobs of any other sweeper, such as Optuna's.

        A job's value is its best validation accuracy. One that fails does not end the sweep.
        """
        from cnncompare.errors import RunError
        from cnncompare.sweep.compose_jobs import Composer
        from cnncompare.sweep.validate_jobs import check_jobs

        composer = Composer(self.hydra_context.config_loader, self.config)
        composed = [composer.compose(job) for job in job_overrides]
        configs = check_jobs(composed, job_overrides)
        with suppress(RunError):  # it was printed, and the job says so
            self.run(job_overrides, configs, composed)
        return [
            _returned(list(job), config) for job, config in zip(job_overrides, configs, strict=True)
        ]

    def run(
        self,
        job_overrides: Sequence[Sequence[str]],
        configs: "Sequence[Config]",
        composed: Sequence[DictConfig],
    ) -> Sequence[JobReturn]:
        if self.plan:
            from cnncompare.sweep.plan import plan_jobs as work
        else:
            from cnncompare.sweep.run_sweep import run_jobs as work

        work(configs, composed, job_overrides)
        return [
            JobReturn(overrides=job, cfg=config, status=JobStatus.COMPLETED)
            for job, config in zip(job_overrides, composed, strict=True)
        ]


def _returned(words: list[str], config: "Config") -> JobReturn:
    from cnncompare.errors import RunError
    from cnncompare.runs.run import read_existing

    run = read_existing(config.run_folder())
    if run is None or run.record.status != "finished":
        failure = RunError(f"{config.run_id()} did not finish")
        return JobReturn(overrides=words, status=JobStatus.FAILED, _return_value=failure)
    value = run.record.best.val_acc1
    return JobReturn(overrides=words, status=JobStatus.COMPLETED, _return_value=value)


@dataclass
class CheckedSweeperConf:
    """The options of CheckedSweeper, for Hydra's configuration store."""

    _target_: str = "hydra_plugins.cnncompare_sweep.CheckedSweeper"
    max_batch_size: int | None = None
    params: dict[str, str] | None = None


@dataclass
class FreshProcessLauncherConf:
    """The options of FreshProcessLauncher, for Hydra's configuration store."""

    _target_: str = "hydra_plugins.cnncompare_sweep.FreshProcessLauncher"
    plan: bool = False  # cnncompare plan: tell the costs, and train nothing


_STORE = ConfigStore.instance()
_STORE.store(
    group="hydra/sweeper", name="cnncompare", node=CheckedSweeperConf, provider="cnncompare"
)
_STORE.store(
    group="hydra/launcher", name="cnncompare", node=FreshProcessLauncherConf, provider="cnncompare"
)
