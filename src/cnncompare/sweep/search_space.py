"""Search space of Optuna from the overrides of a sweep; imports no torch."""

from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.types import (
    IntervalSweep,
    Override,
    RangeSweep,
    Transformer,
)

from cnncompare.errors import ConfigError, first_line


def split_overrides(overrides: Sequence[Override]) -> tuple[dict[str, Any], list[str]]:
    """Return Optuna's distributions by key, and the overrides that all trials share.

    ``a,b`` is a choice; ``interval(1,9)`` has real numbers and ``int(interval(1,9))`` whole ones;
    ``range(1,9,2)`` excludes 9, as in Hydra; ``tag(log,interval(...))`` is searched on a
    logarithmic scale. Raises ConfigError without a key to search, and for an empty interval.
    """
    distributions = {
        override.get_key_element(): _distribution(override)
        for override in overrides
        if override.is_sweep_override()
    }
    if not distributions:
        raise ConfigError(
            "hydra/sweeper=optuna has nothing to search; give a key several values, such as "
            "'optimizer.lr=tag(log,interval(0.001,0.1))'"
        )
    shared = [o.input_line or "" for o in overrides if not o.is_sweep_override()]
    return distributions, shared


def _distribution(override: Override) -> Any:
    from optuna.distributions import CategoricalDistribution

    value = override.value()
    try:
        if isinstance(value, IntervalSweep):
            assert value.start is not None
            assert value.end is not None
            return _numbers(value.start, value.end, None, is_log="log" in value.tags)
        if isinstance(value, RangeSweep):
            numbers = [float(str(x)) for x in value.range()]
            return _numbers(*_bounds(value, numbers), is_log=False)
        choices = override.sweep_iterator(transformer=Transformer.encode)
        return CategoricalDistribution([str(choice) for choice in choices])
    except ValueError as error:
        raise ConfigError(f"{override.input_line}: {first_line(error)}") from None


def _bounds(value: RangeSweep, numbers: Sequence[float]) -> tuple[Any, Any, Any]:
    """Return the lowest and highest number of a range, and the step between two."""
    if not numbers:
        raise ValueError("the range is empty")
    kind = int if isinstance(value.start, int) and isinstance(value.step, int) else float
    return kind(min(numbers)), kind(max(numbers)), kind(abs(float(value.step)))


def _numbers(low: Any, high: Any, step: Any, *, is_log: bool) -> Any:
    from optuna.distributions import FloatDistribution, IntDistribution

    if low > high:
        raise ValueError(f"the interval from {low} to {high} is empty")
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=is_log, step=step or 1)
    return FloatDistribution(float(low), float(high), log=is_log, step=step)
