"""Options of ``cnncompare settle`` that stand beside the overrides; imports no torch."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cnncompare.comparison.race import START
from cnncompare.errors import ConfigError
from cnncompare.sweep.overrides import with_multirun

USAGE = f"""\
usage: cnncompare settle -m model=A,B[,...] [overrides] [budget=2h] [margin=0.5] [max_seeds=20]
                         [--json]

Train networks with further seeds only where it helps, until it is settled which one is the best or
within the margin of the best. Each network is trained with {START} seeds first. The risk of any
wrong claim is 5 %, whenever it stops. The runs are those of a sweep; the same command continues.

  budget=2h      time for the trainings, such as 90s, 10m or 1h30m; no job is started that is
                 expected to exceed it (default: no limit)
  margin=0.5     difference in points of test top-1 accuracy that does not matter (default: 0.5)
  max_seeds=20   seeds of each network at most (default: 20)
  --json         print one JSON object with the verdict; everything else goes to standard error"""

_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_CHOSEN_BY_SETTLE = ("seeds", "folds", "holdouts")


@dataclass(frozen=True)
class SettleOptions:
    """Margin in points of accuracy, time limit in seconds, and number of seeds."""

    margin: float = 0.5
    budget_s: float | None = None
    max_seeds: int = 20
    json: bool = False


def settle_arguments(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with which Hydra passes the composed jobs to `settle`.

    Raises ConfigError for invalid options, and for overrides that settle decides on.
    """
    options, overrides = _separate(arguments)
    budget = "null" if options.budget_s is None else f"{options.budget_s:g}"
    settings = (
        f"++hydra.launcher.settle={{margin:{options.margin!r},budget_s:{budget},"
        f"max_seeds:{options.max_seeds},json:{str(options.json).lower()}}}"
    )
    return [*with_multirun(overrides), settings]


def _separate(arguments: Sequence[str]) -> tuple[SettleOptions, list[str]]:
    own = {"budget": "", "margin": "0.5", "max_seeds": "20"}
    overrides = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if equals and key in own:
            own[key] = value
        elif argument != "--json":
            _refuse_chosen(argument, key)
            overrides.append(argument)
    options = SettleOptions(
        _margin(own["margin"]),
        _duration(own["budget"]) if "budget" in {a.partition("=")[0] for a in arguments} else None,
        _max_seeds(own["max_seeds"]),
        "--json" in arguments,
    )
    return options, overrides


def _refuse_chosen(argument: str, key: str) -> None:
    if key in _CHOSEN_BY_SETTLE:
        raise ConfigError(
            f"{argument}: settle chooses the number of runs itself; limit it with max_seeds=20"
        )
    if key in ("hydra/launcher", "hydra/sweeper"):
        raise ConfigError(f"{argument}: settle chooses its jobs itself; leave out {key}")


def _margin(text: str) -> float:
    value = _number(text)
    if not 0 < value < 100:
        raise ConfigError(
            f"margin={text}: expected points of accuracy above 0 and below 100, as in margin=0.5"
        )
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _max_seeds(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) < START:
        raise ConfigError(
            f"max_seeds={text}: settle trains each network with {START} seeds first; expected a "
            f"whole number from {START}, as in max_seeds=20"
        )
    return int(text)


def _duration(text: str) -> float:
    """Return the seconds of a duration such as 90s, 10m or 1h30m."""
    pieces = re.findall(r"([0-9]+(?:\.[0-9]+)?)([dhms])", text)
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in pieces)
    if "".join(number + unit for number, unit in pieces) != text or seconds <= 0:
        raise ConfigError(f"budget={text}: expected a duration such as 90s, 10m or 2h")
    return seconds
