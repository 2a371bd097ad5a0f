"""Hydra plugin: a launcher that runs each job as a task of a Ray cluster.

The released plugin hydra-ray-launcher works too, but it ends the sweep when a worker process dies,
lets Ray repeat a crashed job, and needs an outdated cloudpickle. The keys `ray.init` and
`ray.remote` are the same here. Hydra imports this file in every Hydra application of the
environment. Therefore it imports nothing heavy.
"""

import signal
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

POLL_S = 0.5
GRACE_S = 30  # for the jobs to close their records after Ctrl-C


class RayLauncher(Launcher):
    """Runs the jobs in parallel, each in a process of its own, as Ray has free cores and GPUs."""

    def __init__(self, ray: Mapping[str, Any]) -> None:
        self.ray = ray

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs and return their results; a process that died is a failed job."""
        ray = _import_ray()
        if not ray.is_initialized():
            _start(ray, _plain(self.ray["init"]))
        options = {"max_calls": 1, "max_retries": 0, **_plain(self.ray["remote"])}
        tasks = [
            self._submit(ray, options, list(overrides), number)
            for number, overrides in enumerate(job_overrides, start=initial_job_idx)
        ]
        _wait(ray, tasks)
        return [_result(ray, *pair) for pair in zip(tasks, job_overrides, strict=True)]

    def _submit(
        self, ray: Any, options: Mapping[str, Any], overrides: list[str], number: int
    ) -> Any:
        loader = self.hydra_context.config_loader
        sweep_config = loader.load_sweep_config(self.config, overrides)
        with open_dict(sweep_config):
            sweep_config.hydra.job.id = f"{sweep_config.hydra.job.name}_{number}"
            sweep_config.hydra.job.num = number
        devices = {} if "num_gpus" in options else {"num_gpus": _gpus(ray, sweep_config)}
        run = ray.remote(**options, **devices)(_run_job)
        return run.remote(
            self.hydra_context, sweep_config, self.task_function, Singleton.get_state()
        )


def _start(ray: Any, settings: Mapping[str, Any]) -> None:
    """Start or join the cluster, and restore the handlers of stop signals, which Ray replaces."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ray.init(**settings)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _run_job(
    hydra_context: HydraContext,
    sweep_config: DictConfig,
    task_function: TaskFunction,
    singleton_state: dict[Any, Any],
) -> JobReturn:
    setup_globals()
    Singleton.set_state(singleton_state)
    HydraConfig.instance().set_config(sweep_config)
    return run_job(
        hydra_context=hydra_context,
        config=sweep_config,
        task_function=task_function,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )


def _wait(ray: Any, tasks: list[Any]) -> None:
    """Wait for all tasks; after a signal, interrupt them and raise Interrupted.

    An exception of a signal handler would be lost within ray.wait.
    """
    from cnncompare.errors import Interrupted
    from cnncompare.system.signals import PendingSignals

    settings = {"num_returns": len(tasks), "fetch_local": False}
    running = tasks
    with PendingSignals() as signals:
        while running and signals.received is None:
            _, running = ray.wait(tasks, timeout=POLL_S, **settings)
        if signals.received is None:
            return
        for task in tasks:
            ray.cancel(task, force=False)
        ray.wait(tasks, timeout=GRACE_S, **settings)
    raise Interrupted(signals.received)


def _result(ray: Any, task: Any, overrides: Sequence[str]) -> JobReturn:
    from cnncompare.errors import RunError, first_line

    try:
        returned: JobReturn = ray.get(task)
    except Exception as error:  # of Ray: the process died, or could not read the job
        failure = RunError(f"{type(error).__name__}: {first_line(error)}")
        return JobReturn(overrides=list(overrides), status=JobStatus.FAILED, _return_value=failure)
    return returned


def _gpus(ray: Any, config: DictConfig) -> int:
    """Return the number of GPUs of a job, 0 on a CPU or in a cluster without GPUs."""
    if config.trainer.accelerator not in ("auto", "gpu") or not ray.cluster_resources().get("GPU"):
        return 0
    devices = config.trainer.devices
    return devices if isinstance(devices, int) else 1


def _plain(settings: Any) -> dict[str, Any]:
    plain = OmegaConf.to_container(settings, resolve=True) if settings else {}
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _import_ray() -> Any:
    from cnncompare.errors import ConfigError

    try:
        import ray
    except ImportError:
        raise ConfigError(
            "hydra/launcher=ray needs the package ray: pip install 'cnncompare[ray]'"
        ) from None
    return ray
