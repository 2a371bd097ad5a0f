"""The words of a sweep: what belongs together, what is left out; imports no torch."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from omegaconf import DictConfig, OmegaConf

from cnncompare.errors import ConfigError


def spell_out_seeds(words: Sequence[str]) -> list[str]:
    """Return the words, ``seeds=3`` as ``seed=0,1,2``; raises ConfigError for it without -m."""
    spelt = []
    for word in words:
        if not word.startswith("seeds="):
            spelt.append(word)
            continue
        count = word.partition("=")[2]
        if not re.fullmatch(r"[1-9]\d*", count):
            raise ConfigError(f"{word}: a number of seeds from 1 up, such as seeds=3")
        if not {"-m", "--multirun"} & set(words):
            raise ConfigError(f"{word} asks for several runs: add -m, or give one seed=NUMBER")
        spelt.append(f"seed={','.join(str(seed) for seed in range(int(count)))}")
    return spelt


def with_lines(lines: Sequence[str], jobs: Sequence[Sequence[str]]) -> list[list[str]]:
    """Cross the lines of `sweep.jobs`, whose words belong together, with the swept jobs.

    The command line's own words come last, and so win.
    """
    if not lines:
        return [list(job) for job in jobs]
    return [[*line.split(), *job] for line, job in product(lines, jobs)]


def is_left_out(config: DictConfig, lines: Sequence[str]) -> bool:
    """Return whether every word of any line of `sweep.skip` fits the composed configuration.

    A word is key=pattern, the pattern with * as in a shell; a group's key, such as model, stands
    for its name. Raises ConfigError for a word of another form or an unknown key.
    """
    return any(line.split() and all(_fits(config, w) for w in line.split()) for line in lines)


def _fits(config: DictConfig, word: str) -> bool:
    key, equals, pattern = word.partition("=")
    value: Any = OmegaConf.select(config, key, default=...)
    if not equals or value is ...:
        raise ConfigError(f"sweep.skip: {word!r} is not of the form key=value with a known key")
    if isinstance(value, DictConfig):
        value = value.get("name")
    return fnmatchcase(_as_typed(value), pattern)


def _as_typed(value: Any) -> str:
    """Return the value as a person writes it on the command line."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
