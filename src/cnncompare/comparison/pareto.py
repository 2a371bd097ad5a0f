"""Pareto fronts of accuracy against each cost, and the models that are dominated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from cnncompare.comparison.clocks import TIMES, groups_on
from cnncompare.comparison.grouping import Group
from cnncompare.comparison.learning_curves import total_seconds
from cnncompare.comparison.load import Result
from cnncompare.language.catalogue import marked


@dataclass(frozen=True)
class Cost:
    """A cost of a run; lower is better."""

    name: str
    title: str
    measure: Callable[[Result], float | None]


def _memory(result: Result) -> float | None:
    memory = result.record.memory
    return memory.peak_rss_mib if memory.peak_gpu_mib is None else memory.peak_gpu_mib


def latency_s(result: Result) -> float | None:
    """Return the seconds for one image: PyTorch in float32, on all threads or the GPU."""
    inference = result.record.inference
    return None if inference is None else inference.latency_s


def _latency_ms(result: Result) -> float | None:
    seconds = latency_s(result)
    return None if seconds is None else 1000 * seconds


COSTS = (
    Cost("params", marked("parameters (M)"), lambda r: r.model.params),
    Cost("gmacs", "GMACs", lambda r: None if r.model.macs is None else r.model.macs / 1e9),
    Cost("epoch_s", marked("epoch time (s)"), lambda r: r.record.timing.epoch_s),
    Cost("total_s", marked("total time (s)"), total_seconds),
    Cost("latency_ms", marked("latency (ms/image)"), _latency_ms),
    Cost("peak_mib", marked("peak memory (MiB)"), _memory),
)


def median_of(group: Group, measure: Callable[[Result], float | None]) -> float | None:
    """Return the median over the runs of the group for which `measure` is not None."""
    values = [value for result in group.results if (value := measure(result)) is not None]
    return float(median(values)) if values else None


@dataclass(frozen=True)
class ParetoFront:
    """Pareto front of a score against one cost, with the cost of each group by label.

    A group is dominated by another that is at least as good in score and cost, and better in one.
    """

    cost: str
    title: str
    values: dict[str, float]
    front: list[str]  # labels by ascending cost
    dominated_by: dict[str, list[str]]


def pareto_fronts(
    groups: Sequence[Group],
    scores: dict[str, float],
    higher_is_better: bool = True,
    clock: str | None = None,
) -> list[ParetoFront]:
    """Return the front of `scores`, by label, against each cost that was measured.

    Times are those of the runs on the machine `clock`; None stands for any machine.
    """
    fronts = []
    timed = list(groups) if clock is None else groups_on(groups, clock)
    for cost in COSTS:
        members = timed if cost.name in TIMES else groups
        values = {g.label: v for g in members if (v := median_of(g, cost.measure)) is not None}
        values = {label: v for label, v in values.items() if label in scores}
        if values:
            fronts.append(_front(cost, values, scores, 1 if higher_is_better else -1))
    return fronts


def _front(
    cost: Cost, values: dict[str, float], scores: dict[str, float], sign: int
) -> ParetoFront:
    def dominates(a: str, b: str) -> bool:
        better = sign * (scores[a] - scores[b])
        return better >= 0 and values[a] <= values[b] and (better > 0 or values[a] < values[b])

    dominators = {label: [other for other in values if dominates(other, label)] for label in values}
    dominated = {label: others for label, others in dominators.items() if others}
    front = sorted((label for label in values if label not in dominated), key=values.__getitem__)
    return ParetoFront(cost.name, cost.title, values, front, dominated)


def dominated_everywhere(fronts: Sequence[ParetoFront]) -> dict[str, list[str]]:
    """Return the labels dominated at every measured cost, with the labels that dominate them."""
    if not fronts:
        return {}
    dominated = {}
    for label in fronts[0].values:
        dominators = [set(front.dominated_by.get(label, ())) for front in fronts]
        if common := set.intersection(*dominators):
            dominated[label] = sorted(common)
    return dominated
