"""Space of the settings that ``cnncompare tune`` tries, and its points; imports no torch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnncompare.config.schema import Config
from cnncompare.errors import ConfigError

DEFAULTS = {"lr": "0.1:10", "weight_decay": "0.1:10", "warmup": "0:0.2"}


@dataclass(frozen=True)
class Range:
    """Bounds of a dimension: factors of the default value, or shares of the epochs (warm-up)."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g}:{self.high:g}"

    def at(self, share: float, *, is_log: bool) -> float:
        """Return the value at a share in [0, 1] of the range, by default on a linear scale."""
        if is_log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + (self.high - self.low) * share


@dataclass(frozen=True)
class Space:
    """The ranges of all networks; None for a dimension that one of the networks lacks."""

    lr: Range
    weight_decay: Range | None
    warmup: Range | None

    def __str__(self) -> str:
        named = (("lr", self.lr), ("weight_decay", self.weight_decay), ("warmup", self.warmup))
        return " ".join(f"{name}={bounds}" for name, bounds in named if bounds is not None)

    def settings(self, config: Config, point: Sequence[float]) -> dict[str, float]:
        """Return the overrides of a network at a point in [0, 1]^3, with four digits."""
        optimizer = config.optimizer
        values = {"optimizer.lr": optimizer.lr * self.lr.at(point[0], is_log=True)}
        if self.weight_decay is not None:
            factor = self.weight_decay.at(point[1], is_log=True)
            values["optimizer.weight_decay"] = optimizer.weight_decay * factor
        if self.warmup is not None:
            share = self.warmup.at(point[2], is_log=False)
            values["scheduler.warmup_epochs"] = share * (config.known_epochs or 0)
        return {key: float(f"{value:.4g}") for key, value in values.items()}


def parse_range(name: str, text: str) -> Range:
    """Return the range of lr=0.1:10; raises ConfigError."""
    low, _, high = text.partition(":")
    bounds = Range(_number(low), _number(high))
    is_share = name == "warmup"
    is_valid = bounds.low <= bounds.high < (1 if is_share else math.inf)
    if not is_valid or bounds.low < 0 or (bounds.low == 0 and not is_share):
        wanted = "shares of the epochs from 0 to below 1" if is_share else "positive factors"
        raise ConfigError(
            f"{name}={text}: expected two {wanted}, the lower one first, as in "
            f"{name}={DEFAULTS[name]}"
        )
    return bounds


def space_of(configs: Sequence[Config], ranges: dict[str, str]) -> Space:
    """Return the space that all networks share, for the texts of its ranges.

    The weight decay is left out if no network has one, and the warm-up if a schedule has none or
    the epochs are not known before the training. Raises ConfigError if the range of such a
    dimension was given.
    """
    found = {name: parse_range(name, text) for name, text in (DEFAULTS | ranges).items()}
    reasons = {
        "weight_decay": "the weight decay is 0"
        if all(config.optimizer.weight_decay == 0 for config in configs)
        else "",
        "warmup": _no_warmup(configs),
    }
    for name, reason in reasons.items():
        if reason and name in ranges:
            raise ConfigError(f"{name}={ranges[name]}: {reason}; leave it out")
    return Space(
        found["lr"],
        None if reasons["weight_decay"] else found["weight_decay"],
        None if reasons["warmup"] else found["warmup"],
    )


def points(n: int) -> list[list[float]]:
    """Return the first n points of the Halton sequence in three dimensions, without the origin.

    It is not scrambled, so that more trials continue the same sequence in every version of scipy.
    """
    from scipy.stats.qmc import Halton

    sequence = Halton(d=3, scramble=False)
    sequence.fast_forward(1)
    found: Any = sequence.random(n) if n else []
    return [[float(x) for x in point] for point in found]


def _no_warmup(configs: Sequence[Config]) -> str:
    if any(config.known_epochs is None for config in configs):
        return "a budget or max_steps determines the epochs, of which the warm-up is a share"
    without = [c.scheduler.name for c in configs if not hasattr(c.scheduler, "warmup_epochs")]
    return f"scheduler={without[0]} has no warm-up" if without else ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
