"""settle.json, the state of a race beside its runs: order of the runs, intervals, e-values."""

import math
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cnncompare.comparison.load import Result, load_results
from cnncompare.comparison.race import LEVEL, Race
from cnncompare.comparison.untrained import failure_of
from cnncompare.errors import DataError
from cnncompare.runs.storage import write_atomically
from cnncompare.sweep.candidates import Candidate
from cnncompare.system import strict_json

STATE = "settle.json"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CandidateSection(_Section):
    """A network of the race; `probed_s` is the expected duration of a run before the first one."""

    label: str
    recipe_hash: str
    probed_s: float | None = None


class ObservedRun(_Section):
    """A run in the order in which the race saw it; `wall_s` is null if it had been interrupted."""

    recipe_hash: str
    seed: int
    id: str
    acc1: float
    wall_s: float | None


class PairSection(_Section):
    """Interval of the accuracy of `a` minus that of `b`, null where unbounded; shares."""

    a: str
    b: str
    difference: float
    low: float | None
    high: float | None
    log_e_value: float  # the largest so far, against equality


class SettleState(_Section):
    """The content of settle.json; `seconds` is the time spent so far."""

    schema_: Literal[1] = 1
    margin: float  # share
    level: float = LEVEL
    seconds: float = 0.0
    candidates: list[CandidateSection] = []
    runs: list[ObservedRun] = []
    pairs: list[PairSection] = []
    verdict: dict[str, Any] | None = None  # at the end

    model_config = ConfigDict(
        extra="forbid", alias_generator=lambda name: name.rstrip("_"), populate_by_name=True
    )

    def save(self, path: Path) -> None:
        """Write the file atomically."""
        text = strict_json.dumps(self.model_dump(by_alias=True), indent=2)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, (text + "\n").encode())

    def has_candidates(self, candidates: list[Candidate]) -> bool:
        """Return whether the race is between these candidates."""
        return {c.recipe_hash for c in self.candidates} == {c.recipe for c in candidates}


def load_state(path: Path) -> SettleState | None:
    """Return the state; None without a file. Raises DataError if it cannot be read."""
    try:
        return SettleState.model_validate(strict_json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError) as error:
        raise DataError(
            f"{path} is no state of a race ({str(error).splitlines()[0]}); move it away: the "
            "finished runs are used without it"
        ) from None


def load_trained(folder: Path) -> tuple[Result | None, str]:
    """Return the result of a finished run, or None and the evidence that it did not train."""
    results, skipped = load_results([folder])
    if not results or results[0].outcome is None:
        return None, skipped[0].reason
    problem = failure_of(results[0])
    return (None, problem) if problem else (results[0], "")


def pairs_of(race: Race, labels: list[str]) -> list[PairSection]:
    """Return the intervals and e-values of all pairs."""
    means = race.means
    return [
        PairSection(
            a=labels[i],
            b=labels[j],
            difference=float(means[i] - means[j]),
            low=_finite(float(race.low[i, j])),
            high=_finite(-float(race.low[j, i])),
            log_e_value=float(race.evidence[i, j]),
        )
        for i in range(len(labels))
        for j in range(i + 1, len(labels))
    ]


def restore_pairs(race: Race, state: SettleState, candidates: list[Candidate]) -> None:
    """Intersect the race's intervals with the saved ones, which stay valid for these candidates."""
    number = {candidate.recipe: k for k, candidate in enumerate(candidates)}
    named = {c.label: number[c.recipe_hash] for c in state.candidates}
    for pair in state.pairs:
        i, j = named[pair.a], named[pair.b]
        low = -math.inf if pair.low is None else pair.low
        high = math.inf if pair.high is None else pair.high
        race.low[i, j] = max(race.low[i, j], low)
        race.low[j, i] = max(race.low[j, i], -high)
        race.evidence[i, j] = max(race.evidence[i, j], pair.log_e_value)
        race.evidence[j, i] = race.evidence[i, j]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
