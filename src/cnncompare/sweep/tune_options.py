"""Options of ``cnncompare tune`` that stand beside the overrides; imports no torch."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cnncompare.errors import ConfigError
from cnncompare.sweep.overrides import with_multirun
from cnncompare.sweep.tuning_space import DEFAULTS, parse_range

USAGE = """\
usage: cnncompare tune -m model=A[,B...] trials=5 [overrides] [seeds=3] [lr=0.1:10]
                       [weight_decay=0.1:10] [warmup=0:0.2]

Try the same number of settings for each network, at the same points of the same space, and choose
each network's setting by validation accuracy; the trials are not tested. Then train and test each
network with its default and with its chosen setting. The runs are those of a sweep; the same
command continues.

  trials=5             settings of each network; the first one is its default
  seeds=3              seeds of the default and of the chosen setting (default: 3)
  lr=0.1:10            factors of each network's own learning rate, on a logarithmic scale
  weight_decay=0.1:10  factors of the weight decay, on a logarithmic scale
  warmup=0:0.2         warm-up as a share of the epochs"""

_CHOSEN_BY_TUNE = {
    "seed": "tune trains the seeds 0, 1, 2, ...; give their number, as in seeds=3",
    "folds": "tune works with one test split",
    "holdouts": "tune works with one test split",
    "force": "it would repeat the runs whenever tune continues",
    "test": "trials are not tested, and the runs of the chosen settings are",
    "hydra/launcher": "tune chooses its jobs itself",
    "hydra/sweeper": "tune chooses its jobs itself",
}
_MOST = 10_000


@dataclass(frozen=True)
class TuneOptions:
    """Numbers of trials and seeds, and the given ranges of the space by name."""

    trials: int
    seeds: int
    ranges: dict[str, str]


def tune_arguments(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with which Hydra passes the composed jobs to `tune`.

    Raises ConfigError for invalid options, and for overrides that tune decides on.
    """
    options, overrides = _separate(arguments)
    ranges = ",".join(f"{name}:'{text}'" for name, text in options.ranges.items())
    settings = (
        f"++hydra.launcher.tune={{trials:{options.trials},seeds:{options.seeds},"
        f"ranges:{{{ranges}}}}}"
    )
    return [*with_multirun(overrides), settings]


def _separate(arguments: Sequence[str]) -> tuple[TuneOptions, list[str]]:
    own: dict[str, str] = {}
    overrides = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if equals and key in ("trials", "seeds", *DEFAULTS):
            if key in own:
                raise ConfigError(f"{key}={own[key]} and {argument} set the same; use one of them")
            own[key] = value
        else:
            _refuse_chosen(argument, key.lstrip("+~"))
            overrides.append(argument)
    ranges = {name: own[name] for name in DEFAULTS if name in own}
    for name, text in ranges.items():
        parse_range(name, text)
    if "trials" not in own:
        raise ConfigError("tune needs the number of trials of each network, as in trials=5")
    trials, seeds = _count("trials", own["trials"]), _count("seeds", own.get("seeds", "3"))
    return TuneOptions(trials, seeds, ranges), overrides


def _refuse_chosen(argument: str, key: str) -> None:
    if key.startswith("tuning."):
        raise ConfigError(f"{argument}: tune sets the keys of the section tuning; leave it out")
    if key in _CHOSEN_BY_TUNE:
        raise ConfigError(f"{argument}: {_CHOSEN_BY_TUNE[key]}; leave it out")


def _count(name: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= _MOST:
        raise ConfigError(
            f"{name}={text}: expected a whole number from 1 to {_MOST}, as in "
            f"{name}={5 if name == 'trials' else 3}"
        )
    return int(text)
