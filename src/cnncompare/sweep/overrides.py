"""Overrides of a sweep: repetitions, `sweep.jobs` and `sweep.skip`; imports no torch."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import product
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from cnncompare.config.quoting import quote_overrides
from cnncompare.errors import ConfigError


def with_multirun(overrides: Sequence[str]) -> list[str]:
    """Return the arguments of a sweep: `overrides`, with -m in front unless they have it."""
    return [*([] if {"-m", "--multirun"} & set(overrides) else ["-m"]), *overrides]


class _Repetition(NamedTuple):
    """An option of a sweep that stands for several values of a setting."""

    counted: str  # for messages
    least: int
    single: str  # overrides of one run
    keys: tuple[str, ...]  # settings that it determines

    def expand(self, n: int) -> list[str]:
        first = 0 if self.keys == ("seed",) else 1
        values = ",".join(str(number) for number in range(first, first + n))
        return [*(f"{key}={n}" for key in self.keys[:-1]), f"{self.keys[-1]}={values}"]


_REPETITIONS = {
    "seeds": _Repetition("seeds", 1, "seed=NUMBER", ("seed",)),
    "folds": _Repetition("folds", 2, "data.folds={n} data.fold=1", ("data.folds", "data.fold")),
    "holdouts": _Repetition("hold-outs", 2, "data.holdout=1", ("data.holdout",)),
}


def expand_repetitions(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with ``seeds``, ``folds`` and ``holdouts`` replaced by their settings.

    ``seeds=3`` becomes ``seed=0,1,2``; ``folds=3`` becomes ``data.folds=3 data.fold=1,2,3``;
    ``holdouts=3`` becomes ``data.holdout=1,2,3``. Raises ConfigError for one of them without -m,
    with an invalid number, twice, or beside a setting that it determines.
    """
    multirun = bool({"-m", "--multirun"} & set(arguments))
    _check_repetitions(arguments)
    return [text for argument in arguments for text in _expanded(argument, multirun)]


def _check_repetitions(arguments: Sequence[str]) -> None:
    options = [a for a in arguments if a.partition("=")[0] in _REPETITIONS and "=" in a]
    names = [option.partition("=")[0] for option in options]
    if "folds" in names and "holdouts" in names:
        pair = [o for o in options if not o.startswith("seeds=")][:2]
        raise ConfigError(f"{pair[0]} and {pair[1]} divide the images in two ways; use one of them")
    for option, name in zip(options, names, strict=True):
        keys = (name, *_REPETITIONS[name].keys)
        others = [a for a in arguments if a is not option and a.partition("=")[0] in keys]
        if others:
            raise ConfigError(f"{option} and {others[0]} set the same; use one of them")


def _expanded(argument: str, multirun: bool) -> list[str]:
    name, _, count = argument.partition("=")
    if name not in _REPETITIONS or "=" not in argument:
        return [argument]
    option = _REPETITIONS[name]
    if not re.fullmatch(r"[1-9]\d*", count) or int(count) < option.least:
        amount = "a positive number of" if option.least == 1 else f"{option.least} or more"
        raise ConfigError(f"{argument}: expected {amount} {option.counted}, such as {name}=3")
    if not multirun:
        single = option.single.format(n=count)
        raise ConfigError(f"{argument} starts several runs: add -m, or use {single} for one run")
    return option.expand(int(count))


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
