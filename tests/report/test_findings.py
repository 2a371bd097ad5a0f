import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnncompare.comparison.compare import Options, compare_results
from cnncompare.comparison.load import load_results
from cnncompare.report.caveats import caveats
from cnncompare.report.findings import table_findings, tie_groups, tie_title
from tests.comparison.factory import simulate, write_run, write_sweep


def findings(root: Path, **values: Any) -> str:
    options = Options(**values)
    return " ".join(
        table_findings(compare_results(*load_results([root]), options).tables[0], options)
    )


def test_a_clear_winner_is_called_the_best(tmp_path: Path) -> None:
    right = write_sweep(tmp_path, {"good": 0.95, "bad": 0.6}, seeds=4, n=1000)
    text = findings(tmp_path)
    mean = 100 * right["good"].mean()
    assert text.startswith(
        f"On digits, 4 epochs, 4 seeds: good is the best, with test top-1 {mean:.1f} % "
        "(95 % interval "
    )
    assert "corrected for being the best of 2)." in text
    gap = 100 * (right["good"].mean() - right["bad"].mean())
    assert f"Significantly worse than good: bad (difference {gap:.1f} points, 95 % interval" in text


def test_a_tie_is_never_called_better(tmp_path: Path) -> None:
    slow = {"second": {"epoch_s": 29.0}}
    write_sweep(tmp_path, {"first": 0.9, "second": 0.9}, seeds=3, n=500, options=slow)
    text = findings(tmp_path)
    assert "is statistically tied with" in text
    assert "is the best" not in text
    assert "if the gap is real" in text
    assert re.search(r"only gaps above \d+\.\d points are reliably detected \(80 % power\)\.", text)
    assert ("2.9 times as fast" in text) or ("also the fastest" in text)


def test_a_loss_that_is_lower_is_better(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"good": 0.95, "bad": 0.6}, seeds=4, n=500)
    from cnncompare.comparison.metrics import METRICS

    text = findings(tmp_path, metric=METRICS["nll"])
    assert "good is the best, with test loss 0.0" in text
    assert "Significantly worse than good: bad (difference 0.3" in text


def test_unequal_numbers_of_runs_are_stated(tmp_path: Path) -> None:
    right = simulate(np.random.default_rng(0), {"a": 0.95, "b": 0.6}, seeds=4, n=500)
    for label, seeds in (("a", 4), ("b", 3)):
        for seed in range(seeds):
            write_run(tmp_path, label, seed, right[label][seed])
    assert "points with 4 and 3 runs, 95 % interval" in findings(tmp_path)


def test_one_seed_each_is_a_caveat(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.9, "b": 0.7}, seeds=1, n=500)
    assert "not for retraining them" in findings(tmp_path)


def test_a_baseline_is_compared_with_every_row(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"good": 0.95, "bad": 0.6, "base": 0.8}, seeds=4, n=1000)
    text = findings(tmp_path, baseline="base")
    assert "compared with the baseline base:" in text
    assert "good is significantly better (difference 1" in text
    assert (
        "bad is significantly worse (difference 1" in text
        or "bad is significantly worse (difference 2" in text
    )


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"training": {"protocol": "test_as_val"}}, "selected the epoch on the test set"),
        ({"training": {"test_reads": 5}}, "evaluated the test set more than once"),
    ],
)
def test_conditions_that_weaken_the_numbers_are_caveats(
    tmp_path: Path, changes: dict[str, Any], warning: str
) -> None:
    write_run(tmp_path, "a", 0, np.arange(50) < 40, changes=changes)
    assert warning in findings(tmp_path)


def test_pretrained_weights_among_others_are_a_caveat(tmp_path: Path) -> None:
    right = simulate(np.random.default_rng(0), {"a": 0.9}, seeds=1, n=50)["a"][0]
    write_run(tmp_path, "a", 0, right, changes={"model": {"pretrained": "IMAGENET1K_V1"}})
    write_run(tmp_path, "b", 0, right)
    assert "Started from pretrained weights, unlike the others: a." in findings(tmp_path)


def test_tie_groups_are_listed_best_first(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"good": 0.95, "bad": 0.6}, seeds=4, n=1000)
    assert tie_groups(compare_results(*load_results([tmp_path])).tables[0]) == [
        ("a", ["good"]),
        ("b", ["bad"]),
    ]


def test_an_interval_without_0_that_is_not_significant_is_explained(tmp_path: Path) -> None:
    """Twice McNemar's p is 0.035 (wins 12, losses 3); Holm asks 0.017 of the first of three."""
    first = np.ones(100, bool)
    first[:3] = False
    second, third = first.copy(), np.ones(100, bool)
    second[[0, 1, 2, *range(10, 22)]] = [True] * 3 + [False] * 12
    third[[*range(3), *range(30, 42)]] = [True] * 3 + [False] * 12
    for label, right in (("a", first), ("b", second), ("c", third)):
        write_run(tmp_path, label, 0, right)
    assert "not significant after correction for 3 pairs" in findings(tmp_path)


def test_disturbed_epochs_are_counted(tmp_path: Path) -> None:
    busy = "epoch,train_s,other_cpu_share,gpu_throttled\n1,9,0.4,0\n2,9,0.05,1\n"
    (write_run(tmp_path, "a", 0, np.ones(10, bool)) / "epochs.csv").write_text(busy)
    write_run(tmp_path, "b", 0, np.ones(10, bool))
    text = " ".join(caveats(compare_results(*load_results([tmp_path]), Options()).tables[0]))
    assert "Other programs used more than 10 % of the cores in some epochs" in text
    assert "too long: a (1 of 2). The GPU was throttled by power or temperature in" in text
    assert "b (" not in text


def test_leaks_between_training_and_test_lead_the_caveats(tmp_path: Path) -> None:
    leaks = {"data": {"leaks": {"identical": 51}}}
    write_sweep(tmp_path, {"one": 0.9, "two": 0.8}, seeds=1, n=500, changes=leaks)
    (table,) = compare_results(*load_results([tmp_path]), Options()).tables
    first, second = caveats(table)
    assert first == (
        "51 of 500 test images (10.2 %) are also training images: the accuracies are too high."
    )
    assert second.startswith("One seed each")


@pytest.mark.parametrize(
    ("links", "sentence"),
    [
        (1, "1 link in the data folder leads to images that are read elsewhere and was ignored."),
        (3, "3 links in the data folder lead to images that are read elsewhere and were ignored."),
        (0, None),
    ],
)
def test_ignored_links_are_stated(tmp_path: Path, links: int, sentence: str | None) -> None:
    changes = {"data": {"ignored_files": {".txt": 2} | ({"link": links} if links else {})}}
    write_sweep(tmp_path, {"one": 0.9}, seeds=2, n=100, changes=changes)
    (table,) = compare_results(*load_results([tmp_path]), Options()).tables
    found = [text for text in caveats(table) if "link" in text]
    assert found == ([sentence] if sentence else [])


@pytest.mark.parametrize("leaks", [None, {"identical": 0}])
def test_without_leaks_there_is_no_caveat(tmp_path: Path, leaks: dict[str, int] | None) -> None:
    write_sweep(tmp_path, {"one": 0.9}, seeds=2, n=100, changes={"data": {"leaks": leaks}})
    (table,) = compare_results(*load_results([tmp_path]), Options()).tables
    assert caveats(table) == []


def test_one_seed_each_is_about_trained_networks(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"good": 0.95, "bad": 0.7}, seeds=1, n=500)
    text = findings(tmp_path)
    assert "1 seed: of these trained networks, good's is the best, with test top-1" in text
    assert ": good is the best" not in text
    assert text.index("seeds=3") < text.index("Dominated")
    (table,) = compare_results(*load_results([tmp_path]), Options()).tables
    assert tie_title(table) == "Tie groups (trained networks, images alone)"


def test_the_words_follow_the_test_and_not_single_seeds(tmp_path: Path) -> None:
    """B leads in both common seeds, A in the mean of all its runs."""
    rng = np.random.default_rng(0)
    for seed, accuracy in enumerate([0.90, 0.90, 0.97, 0.97, 0.97]):
        write_run(tmp_path, "A", seed, rng.random(5000) < accuracy)
    for seed in range(2):
        write_run(tmp_path, "B", seed, rng.random(5000) < 0.93)
    text = findings(tmp_path)
    assert re.search(r"A has the best .* is statistically tied with B \(difference \d", text)
    assert re.search(r"A is statistically tied \(difference \d", findings(tmp_path, baseline="B"))
    assert "difference -" not in text


def test_too_few_runs_are_no_tie(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.95, "b": 0.5}, seeds=3, n=500)
    for path in tmp_path.rglob("predictions.npz"):
        path.unlink()
    text = findings(tmp_path)
    assert "Too few runs for a verdict: a and b (difference 4" in text
    assert "statistically tied" not in text
    assert "is the best" not in text


def test_a_wider_tie_is_explained(tmp_path: Path) -> None:
    """c is far behind a on average, but one of its runs is as good as a."""
    rng = np.random.default_rng(1)
    for seed in range(6):
        for label, accuracy in (("a", 0.95), ("b", 0.93), ("c", (0.94, 0.9)[seed % 2])):
            write_run(tmp_path, label, seed, rng.random(8000) < accuracy)
    for seed in (6, 7, 8, 9):
        write_run(tmp_path, "d", seed, rng.random(8000) < (0.96, 0.70)[seed % 2])
    text = findings(tmp_path)
    assert "are tied although" in text
    assert "d spreads more over its seeds (sd 15" in text


def test_a_margin_is_in_the_findings(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"one": 0.95, "two": 0.95, "bad": 0.5}, seeds=4, n=3000)
    assert "are practically the same only if" in findings(tmp_path)
    text = findings(tmp_path, margin=0.03)
    assert re.search(
        r"Practically the same \(within 3.00? points\): (one and two|two and one)\.", text
    )
    assert "No pair is shown" in findings(tmp_path, margin=0.0001)


def test_times_of_another_machine_are_not_compared(tmp_path: Path) -> None:
    right = simulate(np.random.default_rng(0), {"a": 0.9, "b": 0.9}, seeds=3, n=500)
    for seed in range(3):
        write_run(tmp_path, "a", seed, right["a"][seed], epoch_s=10)
        machine = "Test CPU" if seed == 2 else "Fast CPU"
        write_run(tmp_path, "b", seed, right["b"][seed], epoch_s=90, hardware=machine)
    comparison = compare_results(*load_results([tmp_path]), Options())
    (table,) = comparison.tables
    assert [pair.runs for pair in table.pairs] == [(3, 3)]
    assert {row.label: row.clock for row in table.rows} == dict.fromkeys(
        "ab", "Test CPU, 2 threads"
    )
    for path in tmp_path.glob("b-*-s2-*"):
        shutil.rmtree(path)
    (table,) = compare_results(*load_results([tmp_path]), Options()).tables
    text = " ".join(table_findings(table, Options()))
    assert "not compared, from another machine: b (Fast CPU, 2 threads)" in text
    assert "times as fast" not in text
    times = [front for front in table.fronts if front.cost in ("epoch_s", "total_s")]
    assert [set(front.values) for front in times] == [{"a"}, {"a"}]
