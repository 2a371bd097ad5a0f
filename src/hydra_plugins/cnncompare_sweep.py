"""Hydra plugins: a sweeper that validates all jobs first, and a launcher of job processes.

Hydra looks for plugins only in the package hydra_plugins, and imports this file in every Hydra
application of the environment. Therefore it imports nothing heavy.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
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
    """Hydra's basic sweeper, but nothing is written unless every job is valid."""

    def sweep(self, arguments: list[str]) -> Any:
        from cnncompare.config.quoting import quote_overrides
        from cnncompare.sweep.compose_jobs import JobComposer
        from cnncompare.sweep.overrides import combine_with_lines, is_skipped

        assert self.hydra_context is not None
        assert self.config is not None
        assert self.launcher is not None
        loader = self.hydra_context.config_loader
        parser = OverridesParser.create(config_loader=loader)
        params = quote_overrides(self._parse_config(), "sweep")
        overrides = parser.parse_overrides([*params, *arguments])
        (swept,) = self.split_arguments(overrides, None)
        settings = self.config.sweep
        composer = JobComposer(loader, self.config)
        pairs = [(job, composer.compose(job)) for job in combine_with_lines(settings.jobs, swept)]
        kept = [pair for pair in pairs if not is_skipped(pair[1], settings.skip)]
        jobs, composed = [job for job, _ in kept], [config for _, config in kept]
        configs = validated(self.launcher, composed, jobs)
        return [_run(self.launcher, jobs, configs, composed)]


class FreshProcessLauncher(Launcher):
    """Runs each job in a new process, with as many in parallel as there are device slots."""

    def __init__(
        self,
        plan: bool = False,
        show: bool = False,
        resolve: bool = False,
        settle: Mapping[str, Any] | None = None,
        tune: Mapping[str, Any] | None = None,
    ) -> None:
        self.plan = plan
        self.show = show
        self.resolve = resolve
        self.settle = settle
        self.tune = tune

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context = hydra_context
        self.config = config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Compose, validate and run the jobs of another sweeper, as `launch_for_sweeper` does."""
        from cnncompare.errors import ConfigError

        if self.settle or self.tune:
            command = "settle" if self.settle else "tune"
            raise ConfigError(
                f"{command} chooses its jobs itself and works only with its own sweeper"
            )
        return launch_for_sweeper(
            self, self.hydra_context, self.config, job_overrides, initial_job_idx
        )

    def run(
        self,
        job_overrides: Sequence[Sequence[str]],
        configs: "Sequence[Config]",
        composed: Sequence[DictConfig],
    ) -> Sequence[JobReturn]:
        """Run, plan, settle, tune or print validated jobs."""
        if self.show:
            from cnncompare.sweep.show_jobs import show_jobs

            show_jobs(composed, job_overrides, resolve=self.resolve)
        elif self.plan:
            from cnncompare.sweep.plan import plan_jobs

            plan_jobs(configs, composed, job_overrides)
        elif self.settle:
            from cnncompare.sweep.settle import settle
            from cnncompare.sweep.settle_options import SettleOptions

            settle(configs, composed, job_overrides, SettleOptions(**self.settle))
        elif self.tune:
            from cnncompare.sweep.tune import tune_networks
            from cnncompare.sweep.tune_options import TuneOptions

            options = TuneOptions(**{**self.tune, "ranges": dict(self.tune["ranges"])})
            tune_networks(configs, composed, job_overrides, options)
        else:
            from cnncompare.sweep.run_sweep import run_jobs

            run_jobs(configs, composed, job_overrides)
        return [
            JobReturn(overrides=job, cfg=config, status=JobStatus.COMPLETED)
            for job, config in zip(job_overrides, composed, strict=True)
        ]


def launch_for_sweeper(
    launcher: Launcher,
    hydra_context: HydraContext,
    config: DictConfig,
    job_overrides: Sequence[Sequence[str]],
    initial_job_idx: int,
) -> Sequence[JobReturn]:
    """Compose, validate and run jobs with any launcher.

    The return value of a job is its best validation accuracy. A failed job does not end the sweep.
    """
    from cnncompare.errors import RunError
    from cnncompare.sweep.compose_jobs import JobComposer

    composer = JobComposer(hydra_context.config_loader, config)
    composed = [composer.compose(job) for job in job_overrides]
    configs = validated(launcher, composed, job_overrides)
    with suppress(RunError):  # already printed, and part of the result of each job
        _run(launcher, job_overrides, configs, composed, initial_job_idx)
    pairs = zip(job_overrides, configs, strict=True)
    return [_job_return(list(job), config) for job, config in pairs]


def validated(
    launcher: Launcher, composed: Sequence[DictConfig], job_overrides: Sequence[Sequence[str]]
) -> "list[Config]":
    """Return the validated configurations of the jobs that the launcher will run."""
    from cnncompare.sweep.launch_jobs import runs_here
    from cnncompare.sweep.validate_jobs import validate_jobs

    is_own = isinstance(launcher, FreshProcessLauncher)
    return validate_jobs(composed, job_overrides, own_launcher=is_own, here=runs_here(launcher))


def _run(
    launcher: Launcher,
    job_overrides: Sequence[Sequence[str]],
    configs: "Sequence[Config]",
    composed: Sequence[DictConfig],
    initial_job_idx: int = 0,
) -> Sequence[JobReturn]:
    """Run validated jobs with any launcher, to the same end."""
    if isinstance(launcher, FreshProcessLauncher):
        return launcher.run(job_overrides, configs, composed)
    from cnncompare.sweep.launch_jobs import launch_jobs

    launch_jobs(launcher, configs, composed, job_overrides, initial_job_idx)
    return []


def _job_return(overrides: list[str], config: "Config") -> JobReturn:
    from cnncompare.errors import RunError
    from cnncompare.runs.lifecycle import is_finished
    from cnncompare.runs.run import read_existing

    run = read_existing(config.run_folder())
    if run is None or not is_finished(run):
        failure = RunError(f"{config.run_id()} did not finish")
        return JobReturn(overrides=overrides, status=JobStatus.FAILED, _return_value=failure)
    val_acc1 = run.record.best.val_acc1
    return JobReturn(overrides=overrides, status=JobStatus.COMPLETED, _return_value=val_acc1)


@dataclass
class CheckedSweeperConf:
    """Settings of `hydra.sweeper`."""

    _target_: str = "hydra_plugins.cnncompare_sweep.CheckedSweeper"
    max_batch_size: int | None = None
    params: dict[str, str] | None = None


@dataclass
class FreshProcessLauncherConf:
    """Settings of `hydra.launcher`."""

    _target_: str = "hydra_plugins.cnncompare_sweep.FreshProcessLauncher"
    plan: bool = False  # estimate the costs instead of training
    show: bool = False  # print the jobs instead of running them
    resolve: bool = False  # with show: print interpolations as their values
    # train until the best is known: margin, budget_s, max_seeds, json
    settle: dict[str, Any] = field(default_factory=dict)
    # the same trials for each network: trials, seeds, ranges
    tune: dict[str, Any] = field(default_factory=dict)


_STORE = ConfigStore.instance()
_STORE.store(
    group="hydra/sweeper", name="cnncompare", node=CheckedSweeperConf, provider="cnncompare"
)
_STORE.store(
    group="hydra/launcher", name="cnncompare", node=FreshProcessLauncherConf, provider="cnncompare"
)
