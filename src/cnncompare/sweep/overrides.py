"""Overrides of a sweep: seeds, `sweep.jobs` and `sweep.skip`; imports no torch."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from omegaconf import DictConfig, OmegaConf

from cnncompare.config.quoting import quote_overrides
from cnncompare.errors import ConfigError


def expand_seeds(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with ``seeds=3`` replaced by ``seed=0,1,2``.

    Raises ConfigError for ``seeds`` without -m or with an invalid number.
    """
    multirun = bool({"-m", "--multirun"} & set(arguments))
    return [
        _expanded(argument, multirun) if argument.startswith("seeds=") else argument
        for argument in arguments
    ]


def _expanded(argument: str, multirun: bool) -> str:
    count = argument.partition("=")[2]
    if not re.fullmatch(r"[1-9]\d*", count):
        raise ConfigError(f"{argument}: expected a positive number of seeds, such as seeds=3")
    if not multirun:
        raise ConfigError(f"{argument} starts several runs: add -m, or use seed=NUMBER for one run")
    return f"seed={','.join(str(seed) for seed in range(int(count)))}"


def combine_with_lines(lines: Sequence[str], jobs: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the product of the lines of `sweep.jobs` and the swept jobs.

    The overrides of a line stay together. Those of the command line come last and take precedence.
    """
    if not lines:
        return [list(job) for job in jobs]
    quoted = [quote_overrides(line.split(), "refuse") for line in lines]
    return [[*line, *job] for line, job in product(quoted, jobs)]


def is_skipped(config: DictConfig, lines: Sequence[str]) -> bool:
    """Return whether the composed configuration matches every pattern of any line of `sweep.skip`.

    A pattern is key=value, where the value can contain shell wildcards; the key of a config group,
    such as model, refers to its name. Raises ConfigError for another form or an unknown key.
    """
    return any(
        line.split() and all(_matches(config, pattern) for pattern in line.split())
        for line in lines
    )


def _matches(config: DictConfig, pattern: str) -> bool:
    key, equals, value_pattern = pattern.partition("=")
    value: Any = OmegaConf.select(config, key, default=...)
    if not equals or value is ...:
        raise ConfigError(f"sweep.skip: {pattern!r} is not of the form key=value with a known key")
    if isinstance(value, DictConfig):
        value = value.get("name")
    return fnmatchcase(_as_typed(value), value_pattern)


def _as_typed(value: Any) -> str:
    """Return the value as it is written on the command line."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
