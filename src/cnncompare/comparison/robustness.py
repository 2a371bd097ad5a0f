"""Accuracy on changed test images, from files beside the runs: rows, and tests of all pairs.

Each image of each run has three scores: on the clean image, the mean over all corruptions and
severities, and the drop between both. They are compared like other metrics, image by image.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.load import Result, Skipped
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.outcome import Outcome
from cnncompare.comparison.pairs import Pair, compare_pairs
from cnncompare.comparison.robustness_runs import (
    EvaluatedRuns,
    ScoredRun,
    limit_of_most,
    read_evaluated,
)
from cnncompare.comparison.robustness_scores import Score, drop_of, score_of
from cnncompare.runs.robustness_file import SUITES, Cell
from cnncompare.stats.calibration import expected_calibration_error
from cnncompare.stats.compact_letters import compact_letter_display

MEASURES = ("clean", "corrupted", "drop")
Floats = NDArray[np.float64]
_Scores = NDArray[np.bool_] | Floats


@dataclass(frozen=True)
class RobustnessRow:
    """A network: accuracy on clean and on changed images, and the drop; `ece` by the same names.

    `cells` has the accuracy of each corruption and severity, `letters` the ties on changed images.
    """

    group: Group
    clean: Score
    corrupted: Score
    drop: Score
    cells: dict[Cell, float]
    ece: dict[str, float]
    letters: str = ""

    @property
    def label(self) -> str:
        """The label of the group."""
        return self.group.label

    def mean(self, *, corruption: str | None = None, severity: int | None = None) -> float | None:
        """Return the mean accuracy over the cells of a corruption or of a severity."""
        wanted = [
            accuracy
            for (name, level), accuracy in self.cells.items()
            if corruption in (None, name) and severity in (None, level)
        ]
        return fmean(wanted) if wanted else None


@dataclass(frozen=True)
class RobustnessTable:
    """The networks of a table on one set of changed images, the best on these first.

    `n_images` of the `n_set` images of the set were evaluated. `paired` states that they are the
    clean ones changed, so that drops are differences image by image.
    """

    suite: str
    n_images: int
    n_set: int
    paired: bool
    cells: list[Cell]
    rows: list[RobustnessRow]
    pairs: dict[str, list[Pair]]  # by measure
    left_out: list[Skipped] = field(default_factory=list)

    @property
    def corruptions(self) -> list[str]:
        """The names of the corruptions, in their order."""
        return list(dict.fromkeys(name for name, _ in self.cells))

    @property
    def severities(self) -> list[int]:
        """The severities, ascending."""
        return sorted({severity for _, severity in self.cells})


def robustness_tables(
    groups: Sequence[Group], margin: float | None = None
) -> list[RobustnessTable]:
    """Return a table for each set of changed images that any run was evaluated on."""
    tables = (
        robustness_table(groups, suite, limit_of_most(groups, suite), margin=margin)
        for suite in SUITES
    )
    return [table for table in tables if table is not None]


def robustness_table(
    groups: Sequence[Group],
    suite: str,
    limit: int | None,
    cells: Collection[Cell] | None = None,
    margin: float | None = None,
) -> RobustnessTable | None:
    """Return the table of one set, None if no run was evaluated on it.

    Without `cells`, those of the most complete run count, and runs that lack one are left out.
    """
    found = read_evaluated(groups, suite, limit, cells)
    return _table(suite, found, margin) if found.by_label else None


def _table(suite: str, found: EvaluatedRuns, margin: float | None) -> RobustnessTable:
    scored, cells = found.by_label, found.cells
    first = next(iter(scored.values()))[0]
    paired = all(member.paired for members in scored.values() for member in members)
    ranked = sorted(
        scored, key=lambda label: -fmean(float(m.corrupted.mean()) for m in scored[label])
    )
    measures = {
        "clean": _Measure("top1", lambda m: m.clean),
        "corrupted": _Measure("corrupted", lambda m: m.corrupted),
        "drop": _Measure("drop", lambda m: m.clean - m.corrupted if paired else None),
    }
    groups = {
        name: [measure.group(label, scored[label]) for label in ranked]
        for name, measure in measures.items()
    }
    pairs = {
        name: compare_pairs(groups[name], measure.metric, margin=margin)
        for name, measure in measures.items()
    }
    significant = {frozenset((p.a, p.b)) for p in pairs["corrupted"] if p.significant}
    letters = compact_letter_display(ranked, significant)
    rows = [
        _row(scored[label], [groups[name][at] for name in MEASURES], measures, cells, letters)
        for at, label in enumerate(ranked)
    ]
    n_set = int(first.saved.about.get("n_set") or len(first.saved.label))
    return RobustnessTable(
        suite, len(first.saved.label), n_set, paired, cells, rows, pairs, found.left_out
    )


class _Measure:
    """A score per image as a metric, for groups of results that stand for the scored ones."""

    def __init__(self, name: str, scores: Callable[[ScoredRun], _Scores | None]) -> None:
        self._scores = scores
        self._by_outcome: dict[int, _Scores] = {}
        self._means: dict[str, float] = {}
        is_share = name == "top1"
        self.metric = Metric(
            *(name, name, name != "drop"),
            lambda result: self._means[str(result.run.folder)],
            self._of,
            effects=None if is_share else lambda a, b: self._of(a) - self._of(b),
        )

    def _of(self, outcome: Outcome) -> _Scores:
        return self._by_outcome[id(outcome)]

    def group(self, label: str, members: Sequence[ScoredRun]) -> Group:
        """Return the group with outcomes that hold the scores, none where images are not paired."""
        return Group(label, [self._result(member) for member in members])

    def _result(self, member: ScoredRun) -> Result:
        scores = self._scores(member)
        folder = str(member.result.run.folder)
        if scores is None:
            self._means[folder] = float(member.clean.mean() - member.corrupted.mean())
            return replace(member.result, outcome=None)
        self._means[folder] = float(scores.mean())
        outcome = _stand_in(scores, member)
        self._by_outcome[id(outcome)] = scores
        return replace(member.result, outcome=outcome)


def _stand_in(scores: _Scores, member: ScoredRun) -> Outcome:
    """Return an outcome in which each image weighs the same, right if it is mostly right."""
    n = len(scores)
    right, original = np.asarray(scores > 0.5), member.result.outcome
    index = (
        None
        if original is None or original.index is None or not member.paired
        else (original.index[member.saved.position])
    )
    nothing = np.zeros(n, dtype=np.int16)
    return Outcome(nothing, nothing, right, right, np.zeros(n, dtype=np.float32), index)


def _row(
    members: Sequence[ScoredRun],
    groups: Sequence[Group],
    measures: dict[str, _Measure],
    cells: Sequence[Cell],
    letters: dict[str, str],
) -> RobustnessRow:
    label = groups[0].label
    clean, corrupted, drop = groups
    of_clean, of_corrupted, of_drop = (measures[name].metric for name in MEASURES)
    return RobustnessRow(
        Group(label, [member.result for member in members]),
        score_of(clean, of_clean),
        score_of(corrupted, of_corrupted),
        drop_of(drop, of_drop, (clean, corrupted), of_clean, of_corrupted),
        {cell: fmean(float(m.correct(cell).mean()) for m in members) for cell in cells},
        _calibration(members, cells),
        letters[label],
    )


def _calibration(members: Sequence[ScoredRun], cells: Sequence[Cell]) -> dict[str, float]:
    """Return the mean calibration error of the runs, on clean images and over the cells."""
    clean, corrupted = [], []
    for member in members:
        outcome = member.result.outcome
        assert outcome is not None
        chosen = member.saved.position if member.paired else slice(None)
        clean.append(expected_calibration_error(member.clean, outcome.confidence[chosen]))
        corrupted += [
            expected_calibration_error(member.correct(cell), member.saved.cells[cell].confidence)
            for cell in cells
        ]
    return {"clean": fmean(clean), "corrupted": fmean(corrupted)}
