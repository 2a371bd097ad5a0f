"""Validation of all jobs of a sweep before the first one starts; imports no torch."""

from collections.abc import Sequence

from omegaconf import DictConfig

from cnncompare.config.schema import Config
from cnncompare.config.validation import validate
from cnncompare.errors import ConfigError, UserError
from cnncompare.sweep.resources import slots_for
from cnncompare.training.preflight import preflight


def validate_jobs(
    composed: Sequence[DictConfig],
    job_overrides: Sequence[Sequence[str]],
    *,
    own_launcher: bool = True,
    here: bool = True,
) -> list[Config]:
    """Return the validated configurations of the jobs.

    `own_launcher` is false if another one divides the devices; `here` is false if the jobs may run
    on other machines, whose devices are not known. Raises the first UserError among them, with the
    overrides of its job.
    """
    if not job_overrides:
        raise ConfigError("sweep.skip excludes every job; remove a line of it")
    configs = []
    for config, overrides in zip(composed, job_overrides, strict=True):
        try:
            configs.append(validate(config))
            preflight(configs[-1], here=here)
        except UserError as error:
            raise type(error)(f"{error} (in the job {' '.join(overrides)})") from None
    if own_launcher:
        slots_for(configs)
    return configs
