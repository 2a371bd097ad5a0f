"""Sentences of ``cnncompare settle``: the line after each job, and the verdict."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from cnncompare.comparison.race import LEVEL, MOST_MORE_RUNS, START, Race
from cnncompare.terminal.formatting import enumeration, number, percent

Limit = Literal["the budget", "max_seeds", "the test images"]
RISK = f"risk of any wrong claim: {100 * LEVEL:g} %"


@dataclass(frozen=True)
class Verdict:
    """What ``settle --json`` prints; `same` and `undecided` are rivals of the leader."""

    leader: str | None
    same: list[str]
    out: list[dict[str, str]]
    undecided: list[str]
    runs: int
    seconds: float
    verdict: str

    def content(self) -> dict[str, Any]:
        """Return the object for JSON."""
        return asdict(self)


def make_verdict(
    race: Race,
    labels: Sequence[str],
    *,
    costs: Sequence[float],
    seconds: float,
    limit: Limit | None,
) -> Verdict:
    """Return the verdict of a race; `limit` is what ended it before it was settled."""
    leader, same = race.leader(), race.practically_same()
    return Verdict(
        leader=None if leader is None or not race.runs[leader] else labels[leader],
        same=[labels[k] for k in same],
        out=[{"label": labels[k], "reason": reason} for k, reason in _out(race, labels)],
        undecided=[labels[k] for k in race.rivals() if k not in same],
        runs=int(race.runs.sum()),
        seconds=round(seconds, 1),
        verdict=_sentence(race, labels, costs, limit),
    )


def standing(race: Race, labels: Sequence[str], left_s: float | None) -> str:
    """Return the line after a job: the leader, the networks that are out, the open ones."""
    leader, pieces = race.leader(), []
    if leader is None:
        return "no network is left"
    if race.runs[leader]:
        pieces = [f"{labels[leader]} leads ({_accuracy(race, leader)}, {_runs(race, leader)})"]
    out = [f"{labels[k]} ({reason})" for k, reason in _out(race, labels)]
    pieces += [f"out: {', '.join(out)}"] if out else []
    open_ = [f"{labels[k]} ({_interval(race, k, leader)})" for k in race.rivals()]
    pieces += [f"open: {', '.join(open_)}"] if open_ else []
    pieces += [] if left_s is None else [f"{_duration(max(0.0, left_s))} left"]
    return "; ".join(pieces)


def _out(race: Race, labels: Sequence[str]) -> list[tuple[int, str]]:
    """Return the networks that are out, with the reason."""
    found = []
    for k in range(len(labels)):
        better = race.beaten_by(k)
        if k in race.failed:
            found.append((k, race.failed[k]))
        elif better is not None:
            least = 100 * float(race.low[better, k])
            found.append((k, f"at least {number(least, '.1f')} points below {labels[better]}"))
    return found


def _accuracy(race: Race, network: int) -> str:
    return percent(float(race.means[network]))


def _runs(race: Race, network: int) -> str:
    count = int(race.runs[network])
    return f"{count} run" if count == 1 else f"{count} runs"


def _interval(race: Race, rival: int, leader: int) -> str:
    """Return the interval of the rival's accuracy minus the leader's."""
    if not race.runs[rival]:
        return "no run yet"
    low, high = 100 * float(race.low[rival, leader]), -100 * float(race.low[leader, rival])
    if math.isinf(low) or math.isinf(high) or (low <= -100 and high >= 100):
        return "no bound yet"
    return f"{number(max(low, -100), '+.1f')} to {number(min(high, 100), '+.1f')} points"


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _sentence(
    race: Race, labels: Sequence[str], costs: Sequence[float], limit: Limit | None
) -> str:
    leader, rivals = race.leader(), race.rivals()
    if leader is None:
        return "no network trained, so there is no verdict"
    name = labels[leader]
    if len(race.failed) == len(labels) - 1:
        return f"{name} is the only network left; there is nothing to compare it with"
    if not rivals:
        return f"{name} is the best: test top-1 {_accuracy(race, leader)} ({RISK})"
    if not race.is_settled():
        return _undecided(race, costs, limit)
    same = race.practically_same()
    if len(same) == len(rivals):
        return f"practically the same: {_cheapest([leader, *same], labels, costs)}{_within(race)}"
    bound = number(100 * race.loss(), ".2f")
    text = f"{name} is at most {bound} points below the best{_within(race)}"
    if same:
        text += f"; practically the same as it: {_cheapest([leader, *same], labels, costs)}"
    return text


def _cheapest(networks: Sequence[int], labels: Sequence[str], costs: Sequence[float]) -> str:
    cheapest = min(networks, key=lambda k: costs[k])
    others = enumeration([labels[k] for k in networks if k != cheapest])
    return f"cheapest is {labels[cheapest]} ({number(costs[cheapest], '.3g')} s a run; {others})"


def _within(race: Race) -> str:
    return f" (margin: {100 * race.margin:g} points; {RISK})"


def _undecided(race: Race, costs: Sequence[float], limit: Limit | None) -> str:
    hopeless = race.hopeless()
    if limit == "the test images" and hopeless:
        needed = math.ceil(1000 * max(hopeless.values())) / 10
        return (
            "undecided, and more seeds cannot help: the test images alone leave a difference of "
            f"up to {needed:.1f} points open; use more test images, or a margin above that"
        )
    more = race.forecast(costs)
    runs = f"more than {MOST_MORE_RUNS}" if more is None else f"about {more}"
    name = f"max_seeds={race.max_seeds}" if limit == "max_seeds" else limit
    if race.runs[race.remaining()].min() < START:
        return f"undecided within {name}; each network needs at least {START} runs"
    return f"undecided within {name}; {runs} more runs"
