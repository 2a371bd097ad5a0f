"""Every job of a sweep is checked before the first one starts; imports no torch."""

from collections.abc import Sequence

from omegaconf import DictConfig

from cnncompare.config import validate
from cnncompare.errors import UserError
from cnncompare.preflight import preflight


def check_jobs(composed: Sequence[DictConfig], overrides: Sequence[Sequence[str]]) -> None:
    """Raise the first UserError among the jobs, with the job that it belongs to."""
    for config, words in zip(composed, overrides, strict=True):
        try:
            preflight(validate(config))
        except UserError as error:
            raise type(error)(f"{error} (in the job {' '.join(words)})") from None
