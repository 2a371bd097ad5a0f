"""Reports on simulated runs that once showed a fault of the verdicts, F1 to F14."""

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.compare import ComparedTable, Options, compare_results
from cnncompare.comparison.load import load_results
from cnncompare.comparison.metrics import METRICS
from cnncompare.report.findings import table_findings
from cnncompare.stats.compact_letters import compact_letter_display
from cnncompare.stats.resampled import resampled_mean
from tests.comparison.factory import write_run
from tests.comparison.fold_runs import write_fold
from tests.simulation_lines import Bools, Line

Sweep = dict[str, dict[int, Bools]]  # correctness [images] by label and seed
MOST_REPORTS = 20
HOLDOUTS, TEST_SHARE = 4, 0.2
_GOOD, _BAD = 0.99, 0.50


def report(sweep: Sweep, options: Options | None = None, **run: object) -> list[ComparedTable]:
    """Return the tables of the runs; `run` are further arguments of `write_run`."""
    with tempfile.TemporaryDirectory(prefix="cnncompare-") as folder:
        for label, seeds in sweep.items():
            for seed, correct in seeds.items():
                write_run(Path(folder), label, seed, correct, **run)  # type: ignore[arg-type]
        return compare_results(*load_results([Path(folder)]), options or Options()).tables


def sentences(table: ComparedTable) -> str:
    return " ".join(table_findings(table, Options()))


def runs(rng: np.random.Generator, accuracy: float, *seeds: int, n: int = 2000) -> dict[int, Bools]:
    return {seed: rng.random(n) < accuracy for seed in seeds}


def unmatched(rng: np.random.Generator) -> bool:
    """Seeds that do not match, 49 points apart: significant, and no correction is named."""
    sweep = {"good": runs(rng, _GOOD, 0, 1, 2), "bad": runs(rng, _BAD, 3, 4, 5)}
    (table,) = report(sweep)
    return table.pairs[0].significant and "for 1 pairs" not in sentences(table)


def one_against_three(rng: np.random.Generator) -> bool:
    """One run against three, 49 points apart: significant, or too few runs for a verdict."""
    (table,) = report({"good": runs(rng, _GOOD, 0), "bad": runs(rng, _BAD, 0, 1, 2)})
    return table.pairs[0].significant or "Too few runs for a verdict" in sentences(table)


def contradiction(rng: np.random.Generator) -> bool:
    """A is better with the seeds that B has too, and worse with the others."""
    a = {seed: rng.random(2000) < (0.90 if seed < 2 else 0.97) for seed in range(5)}
    (table,) = report({"A": a, "B": runs(rng, 0.93, 0, 1)})
    order = {row.label: k for k, row in enumerate(table.rows)}
    return any(p.significant and order[p.a] > order[p.b] for p in table.pairs) or any(
        (p.difference or 0.0) < 0 for p in table.pairs
    )


def claim_from_one_seed(networks: int) -> Callable[[np.random.Generator], bool]:
    """Whether equal networks, one seed each, are called different as networks."""

    def claims(rng: np.random.Generator) -> bool:
        accuracy = 0.92 + rng.normal(0, 0.003, networks)
        sweep = {f"m{k}": runs(rng, accuracy[k], 0, n=4000) for k in range(networks)}
        (table,) = report(sweep)
        first, text = table_findings(table, Options())[0], sentences(table)
        about_files = table.single_runs and "of these trained networks" in first
        return not (about_files and "seeds=3" in text)

    return claims


def diverged(rng: np.random.Generator) -> bool:
    """A run at chance is counted apart, and the others are compared without it."""
    a = {0: rng.random(2000) < 0.10} | runs(rng, 0.94, 1, 2)
    (table,) = report({"A": a, "B": runs(rng, 0.90, 0, 1, 2)})
    (row,) = [row for row in table.rows if row.label == "A"]
    (pair,) = table.pairs
    width = 1.0 if pair.low is None or pair.high is None else pair.high - pair.low
    named = "1 of 3 runs of A did not train" in sentences(table)
    return row.did_not_train == 1 and named and width < 0.5


def rare_class(rng: np.random.Generator) -> bool:
    """95 % of one class: always naming it does not beat a network that finds the rare one."""
    labels = (np.arange(2000) % 20 == 0).astype(np.int16)
    useful = {s: rng.random(2000) < np.where(labels == 1, 0.90, 0.95) for s in range(3)}
    sweep = {"useful": useful, "constant": dict.fromkeys(range(3), labels == 0)}
    options = Options(metric=METRICS["balanced"])
    (table,) = report(sweep, options, classes=2, labels=labels)
    return table.rows[0].label == "useful" and table.pairs[0].significant


def one_verdict_over_splits(rng: np.random.Generator) -> bool:
    """Four splits of a data set have one table, with one test of each pair over the splits."""
    with tempfile.TemporaryDirectory(prefix="cnncompare-") as folder:
        for number in range(1, HOLDOUTS + 1):
            index = np.sort(rng.permutation(2000)[: int(2000 * TEST_SHARE)])
            for label, accuracy in (("A", 0.95), ("B", 0.90)):
                correct = rng.random(2000) < accuracy
                write_fold(Path(folder), label, number, correct, index, holdout=TEST_SHARE)
        tables = compare_results(*load_results([Path(folder)]), Options()).tables
    return [pair.test for table in tables for pair in table.pairs] == ["corrected-resampled-t"]


def differs_over_splits(rng: np.random.Generator) -> bool:
    """Whether two equal methods, trained anew on four splits of 300 images, are called different.

    They classify by the nearest class mean, each on ten features of its own. The splits' training
    sets overlap, as those of real hold-outs do.
    """
    classes = np.arange(300) % 2
    features = rng.normal(0, 1, (2, 300, 10)) + 0.4 * classes[:, None]
    n_test = int(300 * TEST_SHARE)
    splits = [rng.permutation(300) for _ in range(HOLDOUTS)]
    gaps = []
    for split in splits:
        test, train = split[:n_test], split[n_test:]
        first, second = (_nearest_mean(values, classes, test, train) for values in features)
        gaps.append(first - second)
    ratio = TEST_SHARE / (1 - TEST_SHARE)
    return resampled_mean(gaps, [1] * HOLDOUTS, ratio, 1 / (12 * n_test**2)).p_value() < 0.05


def _nearest_mean(
    features: NDArray[np.float64],
    classes: NDArray[np.int64],
    test: NDArray[np.int64],
    train: NDArray[np.int64],
) -> float:
    """Return the test accuracy of the classifier by the nearest class mean."""
    means = [features[train][classes[train] == k].mean(axis=0) for k in range(2)]
    distances = [((features[test] - mean) ** 2).sum(axis=1) for mean in means]
    return float(((distances[1] < distances[0]) == classes[test]).mean())


def two_machines(rng: np.random.Generator) -> bool:
    """Runs of two machines share a table, and only one of them is timed."""
    with tempfile.TemporaryDirectory(prefix="cnncompare-") as folder:
        for label, accuracy in (("A", 0.95), ("B", 0.90)):
            for seed, correct in runs(rng, accuracy, 0, 1, 2).items():
                machine = "GPU 1" if label == "A" and seed < 2 else "GPU 2"
                write_run(Path(folder), label, seed, correct, hardware=machine)
        tables = compare_results(*load_results([Path(folder)]), Options()).tables
    clocks = {row.clock for table in tables for row in table.rows}
    return len(tables) == 1 and tables[0].pairs[0].significant and len(clocks) == 1


def strange_sentence(rng: np.random.Generator) -> bool:
    """A correction for one pair, more images than exist, or endless lists of names."""
    sweep = {f"m{k}": runs(rng, 0.9 + 0.002 * k, 0, 1) for k in range(12)}
    (table,) = report(sweep)
    text = sentences(table)
    lists = max(len(re.findall(r"\bm\d+\b", sentence)) for sentence in text.split(". "))
    return "for 1 pairs" in text or " and others" in text or lists > 12


def letters(rng: np.random.Generator) -> bool:
    """Letters of 60 rows with random significant pairs, within a second."""
    labels = [f"m{k}" for k in range(60)]
    drawn = rng.random((60, 60)) < rng.random()
    significant = {
        frozenset((labels[i], labels[j])) for i in range(60) for j in range(i) if drawn[i, j]
    }
    started_at = time.process_time()
    compact_letter_display(labels, significant)
    return time.process_time() - started_at < 1


def lost_by_selection(rng: np.random.Generator, *, last: bool) -> float:
    """Return the accuracy lost by the choice of one of 15 epochs, in points.

    The expected accuracy rises to a plateau in the last epochs, as with a cosine schedule; 144
    validation images measure it.
    """
    expected = 0.97 - 0.25 * np.exp(-np.arange(15) / 2.5)
    accuracy = expected + rng.normal(0, 0.004, 15) * np.linspace(1, 0, 15)
    measured = rng.binomial(144, accuracy)
    chosen = 14 if last else 14 - int(measured[::-1].argmax())
    return float(100 * (expected[14] - accuracy[chosen]))


EXPECTED: tuple[tuple[str, str, Callable[[np.random.Generator], bool], bool], ...] = (
    ("F1 3 + 3 seeds that do not match, 49 points: significant", "0 %", unmatched, True),
    ("F1 1 + 3 runs, 49 points: significant or too few runs", "0 %", one_against_three, True),
    ("F3 words contradict the test", "yes", contradiction, False),
    ("F4 one seed each, a claim about 2 equal networks", "18.5 %", claim_from_one_seed(2), False),
    ("F4 one seed each, a claim about 5 equal networks", "37 %", claim_from_one_seed(5), False),
    ("F4 one seed each, a claim about 12 equal networks", "50.5 %", claim_from_one_seed(12), False),
    ("F6 one of three seeds at chance is counted apart", "no", diverged, True),
    ("F7 by balanced accuracy, a constant answer loses", "no metric", rare_class, True),
    ("F8 four splits of a data set have one verdict", "4 verdicts", one_verdict_over_splits, True),
    ("F10 runs of two machines share a table of accuracies", "no", two_machines, True),
    ("F14 sentences with strange phrases or endless lists", "yes", strange_sentence, False),
    ("F14 letters of 60 rows within a second", "15 s for 24", letters, True),
)


def faults(repeats: int) -> Iterator[Line]:
    """Yield for each fault the share of simulated reports that are right, or still show it."""
    count = min(max(1, repeats // 10), MOST_REPORTS)
    for text, before, check, at_least in EXPECTED:
        rng = np.random.default_rng(6)
        share = sum(check(rng) for _ in range(count)) / count
        yield Line(text, share, count, float(at_least), at_least, before)
    rng, count = np.random.default_rng(6), 10 * repeats
    share = sum(differs_over_splits(rng) for _ in range(count)) / count
    yield Line("F8 two equal methods differ over four splits", share, count, 0.05)
    rng = np.random.default_rng(6)
    for last, before, goal in ((False, "0.4 to 0.6 pts", 0.01), (True, "no option", 0.0005)):
        lost = np.mean([lost_by_selection(rng, last=last) for _ in range(10 * repeats)])
        name = "last" if last else "best"
        text = f"F9 accuracy lost on 144 validation images, selection={name}"
        yield Line(text, float(abs(lost)) / 100, 10**4, goal, before=before)
