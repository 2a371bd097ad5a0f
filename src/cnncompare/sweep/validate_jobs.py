"""Every job of a sweep is checked before the first one starts; imports no torch."""

from collections.abc import Sequence

from omegaconf import DictConfig

from cnncompare.config.schema import Config
from cnncompare.config.validation import validate
from cnncompare.errors import ConfigError, UserError
from cnncompare.sweep.resources import places_for
from cnncompare.training.preflight import preflight


def check_jobs(composed: Sequence[DictConfig], overrides: Sequence[Sequence[str]]) -> list[Config]:
    """Return the jobs' configurations.

    Raises the first UserError among them, with the job that it belongs to.
    """
    if not overrides:
        raise ConfigError("sweep.skip leaves out every job")
    configs = []
    for config, words in zip(composed, overrides, strict=True):
        try:
            configs.append(validate(config))
            preflight(configs[-1])
        except UserError as error:
            raise type(error)(f"{error} (in the job {' '.join(words)})") from None
    places_for(configs)
    return configs
