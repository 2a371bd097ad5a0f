"""What accuracy costs: the Pareto front of each cost, and who is dominated by whom."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.learning_curves import total_s
from cnncompare.comparison.load import Result


@dataclass(frozen=True)
class Cost:
    """A cost of one run; less is better."""

    name: str
    title: str
    of: Callable[[Result], float | None]


def _memory(result: Result) -> float | None:
    memory = result.record.memory
    return memory.peak_rss_mib if memory.peak_gpu_mib is None else memory.peak_gpu_mib


COSTS = (
    Cost("params", "parameters (M)", lambda r: r.model.params),
    Cost("gmacs", "GMACs", lambda r: None if r.model.macs is None else r.model.macs / 1e9),
    Cost("epoch_s", "epoch time (s)", lambda r: r.record.timing.epoch_s),
    Cost("total_s", "total time (s)", total_s),
    Cost("peak_mib", "peak memory (MiB)", _memory),
)


def median_of(group: Group, of: Callable[[Result], float | None]) -> float | None:
    """Return the median over the group's runs, of those where it was measured."""
    values = [value for result in group.results if (value := of(result)) is not None]
    return float(median(values)) if values else None


@dataclass(frozen=True)
class Front:
    """One cost: its value per group, who is on the front, and by whom the others are dominated.

    A group is dominated by another that is at least as good in both and better in one.
    """

    cost: str
    title: str
    values: dict[str, float]
    front: list[str]
    dominated_by: dict[str, list[str]]


def pareto_fronts(
    groups: Sequence[Group], score: dict[str, float], higher_is_better: bool = True
) -> list[Front]:
    """Return the front of `score` (per label) against each cost that was measured."""
    fronts = []
    for cost in COSTS:
        values = {g.label: v for g in groups if (v := median_of(g, cost.of)) is not None}
        values = {label: v for label, v in values.items() if label in score}
        if values:
            fronts.append(_front(cost, values, score, 1 if higher_is_better else -1))
    return fronts


def _front(cost: Cost, values: dict[str, float], score: dict[str, float], sign: int) -> Front:
    def dominates(a: str, b: str) -> bool:
        better = sign * (score[a] - score[b])
        return better >= 0 and values[a] <= values[b] and (better > 0 or values[a] < values[b])

    by = {label: [other for other in values if dominates(other, label)] for label in values}
    dominated = {label: others for label, others in by.items() if others}
    front = sorted((label for label in values if label not in dominated), key=values.__getitem__)
    return Front(cost.name, cost.title, values, front, dominated)


def dominated_everywhere(fronts: Sequence[Front]) -> dict[str, list[str]]:
    """Return, per label, those that dominate it at every cost that was measured."""
    if not fronts:
        return {}
    found = {}
    for label in fronts[0].values:
        rivals = [set(front.dominated_by.get(label, ())) for front in fronts]
        common = set.intersection(*rivals)
        if common:
            found[label] = sorted(common)
    return found
