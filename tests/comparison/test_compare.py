from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from cnncompare.comparison import reference_results
from cnncompare.comparison.compare import Comparison, Options, compare_results
from cnncompare.comparison.fairness import overlapping_runs
from cnncompare.comparison.load import load_results
from cnncompare.comparison.metrics import METRICS, metric_named
from cnncompare.comparison.reference_results import ReferenceResult
from cnncompare.config.files import conf_folder
from cnncompare.errors import ConfigError
from cnncompare.report.fairness_card import reference_note
from tests.comparison.factory import simulate, write_run, write_sweep


def compared(root: Path, **options: object) -> Comparison:
    return compare_results(*load_results([root]), Options(**options))  # type: ignore[arg-type]


def test_rows_are_ranked_and_tied_by_their_true_accuracies(tmp_path: Path) -> None:
    right = write_sweep(tmp_path, {"bad": 0.70, "good": 0.95, "fine": 0.95}, seeds=5, n=2000)
    (table,) = compared(tmp_path).tables
    assert {row.label: row.letters for row in table.rows} == {"good": "a", "fine": "a", "bad": "b"}
    for row in table.rows:
        accuracies = right[row.label].mean(axis=1)
        found = row.estimates["top1"]
        assert found.mean == pytest.approx(accuracies.mean())
        assert found.sd == pytest.approx(accuracies.std(ddof=1))
        assert found.interval.method == "seeds and images"
        assert found.over_seeds.method == "t over seeds"
        assert found.interval.low < found.mean < found.interval.high


def test_a_single_run_has_a_wilson_interval_and_no_sd(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.9}, seeds=1, n=100)
    (table,) = compared(tmp_path).tables
    found = table.rows[0].estimates["top1"]
    assert found.sd is None
    assert found.interval.method == "images"
    assert table.pairs == []
    assert table.rows[0].letters == "a"


def test_pareto_fronts_by_hand(tmp_path: Path) -> None:
    costs = {"cheap": (1_000, 5.0), "good": (9_000, 20.0), "worse": (9_500, 25.0)}
    right = {"cheap": 60, "good": 90, "worse": 80}
    for label, (params, epoch_s) in costs.items():
        correct = np.arange(100) < right[label]
        write_run(tmp_path, label, 0, correct, params=params, epoch_s=epoch_s)
    (table,) = compared(tmp_path).tables
    fronts = {front.cost: front for front in table.fronts}
    assert set(fronts) == {"params", "gmacs", "epoch_s", "total_s", "peak_mib"}
    for front in fronts.values():
        assert front.front == ["cheap", "good"]
        assert front.dominated_by == {"worse": ["good"]}
    assert fronts["total_s"].values["good"] == pytest.approx(80.0)


def inference(latency_s: float | None) -> dict[str, Any]:
    """Return the change of a record that adds the section `inference`."""
    settings = {"device": "cpu", "threads": 2, "input_size": [3, 32, 32], "measuring_s": 1.0}
    return {"inference": {**settings, "latency_s": latency_s, "rows": []}}


def test_latency_has_a_front_where_it_was_measured_on_the_same_machine(tmp_path: Path) -> None:
    """The slowest is the best, the quickest has two seeds, and one has no measurement."""
    cases = [("best", 0, 90, 0.030), ("middle", 0, 85, 0.040), ("quick", 0, 80, 0.001)]
    for label, seed, right, seconds in [*cases, ("quick", 1, 80, 0.003)]:
        write_run(tmp_path, label, seed, np.arange(100) < right, changes=inference(seconds))
    write_run(tmp_path, "unknown", 0, np.arange(100) < 95)
    write_run(
        tmp_path, "other", 0, np.arange(100) < 99, hardware="Other", changes=inference(0.0001)
    )
    (table,) = compared(tmp_path).tables
    latencies = {row.label: row.timing["latency_s"] for row in table.rows}
    assert latencies == {
        "best": 0.030,
        "middle": 0.040,
        "quick": pytest.approx(0.002),
        "unknown": None,
        "other": 0.0001,
    }
    (front,) = [front for front in table.fronts if front.cost == "latency_ms"]
    assert front.values == pytest.approx({"best": 30.0, "middle": 40.0, "quick": 2.0})
    assert front.front == ["quick", "best"]
    assert front.dominated_by == {"middle": ["best"]}


def test_equal_budgets_are_the_largest_that_every_run_reached(tmp_path: Path) -> None:
    write_run(tmp_path, "quick", 0, np.arange(100) < 80, epoch_s=10.0)
    write_run(tmp_path, "slow", 0, np.arange(100) < 90, epoch_s=20.0)
    (table,) = compared(tmp_path).tables
    budgets = {budget.unit: budget for budget in table.budgets}
    assert budgets["epochs"].acc1 == pytest.approx({"quick": 0.8, "slow": 0.9})
    assert budgets["seconds"].budget == pytest.approx(40.0)
    reached = 0.9 * (1 - 0.5**4)  # two of slow's four epochs
    assert budgets["seconds"].acc1 == pytest.approx({"quick": 0.8, "slow": reached})


def test_time_to_target(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 0, np.arange(100) < 80)
    (table,) = compared(tmp_path, target=0.7).tables
    # 0.8 (1 - 0.5^(2k)) reaches 0.7 after 2 of 4 epochs of 10 s
    assert table.rows[0].timing["time_to_target_s"] == pytest.approx(20.0)
    (table,) = compared(tmp_path, target=0.9).tables
    assert table.rows[0].timing["time_to_target_s"] is None
    assert table.rows[0].timing["target_reached"] == 0


@pytest.mark.parametrize("name", ["top5", "nll", "ece"])
def test_rows_are_ranked_by_the_chosen_metric(sweep: Path, name: str) -> None:
    (table,) = compared(sweep, metric=METRICS[name]).tables
    means: list[Any] = [row.estimates[name].mean for row in table.rows]
    assert means == sorted(means, reverse=METRICS[name].higher_is_better)
    assert table.rows[0].letters.startswith("a")


def test_errors_of_an_unknown_metric_and_baseline_suggest_the_closest(sweep: Path) -> None:
    with pytest.raises(ConfigError, match=r"did you mean .*'top1'"):
        metric_named("top2")
    with pytest.raises(ConfigError, match="did you mean 'vgg16'"):
        compared(sweep, baseline="vgg1")


def test_ranks_cover_the_models_that_occur_in_every_data_set(tmp_path: Path) -> None:
    models = {"a": 0.95, "b": 0.85, "c": 0.7}
    for i, data in enumerate(["x", "y", "z"]):
        write_sweep(tmp_path / data, models, seeds=1, n=500, rng_seed=i, data=data)
    write_sweep(tmp_path / "more", {"d": 0.9}, seeds=1, n=500, data="x")
    ranks = compared(tmp_path).ranks
    assert ranks is not None
    assert ranks.labels == ["a", "b", "c"]
    assert ranks.mean_ranks == [1.0, 2.0, 3.0]


def test_rows_are_compared_with_reference_results(tmp_path: Path) -> None:
    right = simulate(np.random.default_rng(0), {"resnet20": 0.8}, seeds=1, n=10_000)
    changes = {"training": {"model_options": {"depth": 14}}}
    write_run(tmp_path, "resnet20", 0, right["resnet20"][0], data="cifar10", changes=changes)
    (table,) = compared(tmp_path).tables
    found = table.rows[0].reference_result
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.9125, 0.9260))
    assert found.verdict == "below"
    assert "4 epochs instead of 164 to 200" in found.recipe_differs
    assert "5,000 training images instead of 50,000" in found.recipe_differs
    assert "depth 14 of the network" in found.recipe_differs


def reference_of(root: Path, model: str) -> ReferenceResult:
    right = simulate(np.random.default_rng(0), {model: 0.9}, seeds=1, n=10_000)
    write_run(root, model, 0, right[model][0], data="cifar10")
    found = compared(root).tables[0].rows[0].reference_result
    assert found is not None
    return found


def test_reference_results_have_their_runs_and_the_interval_of_their_mean(tmp_path: Path) -> None:
    found = reference_of(tmp_path, "resnet110")
    paper, other = found.reported
    # He et al. 2015, table 6: 6.43 (6.61 +- 0.16) % errors, best (mean +- sd) of five runs
    assert (paper.n, paper.statistic, paper.sd) == (5, "mean", pytest.approx(0.0016))
    assert paper.acc1 == pytest.approx(1 - 0.0661)
    assert paper.best == pytest.approx(1 - 0.0643)
    half = 2.776445 * 0.0016 / 5**0.5  # t with 4 degrees of freedom
    assert (paper.low, paper.high) == pytest.approx((0.9339 - half, 0.9339 + half))
    assert (other.n, other.statistic, other.sd, other.low) == (1, "run", None, None)
    assert (found.low, found.high) == pytest.approx((0.9339 - half, 0.9389))
    row = compared(tmp_path).tables[0].rows[0]
    text = reference_note(row)
    assert "He et al. 2015: mean of 5 runs 93.39 ± 0.16 %, 95 % interval 93.19 to 93.59 %" in text
    assert "bearpaw: one run 93.89 %" in text


def test_a_median_without_spread_has_no_interval(tmp_path: Path) -> None:
    found = reference_of(tmp_path, "wrn_28_10")
    (paper,) = found.reported
    assert (paper.acc1, paper.n, paper.statistic, paper.low) == (0.96, 5, "median", None)
    assert "median of 5 runs 96.00 %" in reference_note(compared(tmp_path).tables[0].rows[0])


def test_every_network_with_reference_results_exists() -> None:
    path = Path(reference_results.__file__).with_suffix(".yaml")
    models = yaml.safe_load(path.read_text())["cifar10"]["models"]
    assert {"preact_resnet164", "resnext29_8x64d", "densenet_bc_100_12"} < set(models)
    for name, rows in models.items():
        assert (conf_folder() / "model" / f"{name}.yaml").exists()
        assert all(50 < row[0] < 100 for row in rows)


def test_without_reference_results_nothing_is_claimed(sweep: Path) -> None:
    (table,) = compared(sweep).tables
    assert all(row.reference_result is None for row in table.rows)


def test_runs_overlap_only_on_a_machine_of_the_same_type(tmp_path: Path) -> None:
    for label, minute, machine in (("a", 1, "X"), ("b", 1, "X"), ("c", 3, "X"), ("d", 1, "Y")):
        write_run(tmp_path, label, 0, np.ones(10, bool), minute=minute, hardware=machine)
    results, _ = load_results([tmp_path])
    shared = overlapping_runs(results)
    assert {r.record.label for r in results if str(r.run.folder) in shared} == {"a", "b"}


def test_a_recorded_shared_clock_is_on_the_fairness_card(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 0, np.ones(10, bool), changes={"training": {"clocks_shared": True}})
    write_run(tmp_path, "b", 0, np.ones(10, bool))
    (table,) = compared(tmp_path).tables
    assert {r.label: r.fairness["shared_clock"] for r in table.rows} == {"a": True, "b": False}


def test_epochs_under_contention_are_counted_over_the_runs(tmp_path: Path) -> None:
    """Two runs have 2 and 3 epochs, and the share of one epoch was not measured."""
    for seed, shares in enumerate((["0.02", "0.3"], ["0.1", "0.5", ""])):
        run = write_run(tmp_path, "a", seed, np.ones(10, bool))
        rows = [f"{epoch},1,{share}" for epoch, share in enumerate(shares, start=1)]
        (run / "epochs.csv").write_text("\n".join(["epoch,train_s,other_cpu_share", *rows]))
    write_run(tmp_path, "b", 0, np.ones(10, bool))
    (table,) = compared(tmp_path).tables
    fairness = {row.label: row.fairness for row in table.rows}
    assert fairness["a"]["other_cpu_share"] == pytest.approx(0.2)
    assert fairness["a"]["busy_epochs"] == [2, 4]
    assert fairness["b"]["other_cpu_share"] is None
    assert fairness["b"]["busy_epochs"] == fairness["b"]["throttled_epochs"] == [0, 0]


@pytest.mark.parametrize(
    ("changes", "tables"),
    [
        ({"environment": {"threads": 1}}, 1),
        ({"environment": {"cpu": "Fast CPU"}}, 1),
        ({"environment": {"os": "macOS", "python": "3.13"}}, 1),
        ({"training": {"accelerator": "cuda"}, "environment": {"gpu": "Some GPU"}}, 2),
        ({"training": {"precision": "bf16-mixed"}}, 2),
        ({"training": {"image_size": 16}}, 2),
        ({"data": {"n_train": 4000}}, 2),
    ],
)
def test_a_machine_decides_seconds_and_what_decides_numbers_is_protocol(
    tmp_path: Path, changes: dict[str, Any], tables: int
) -> None:
    right = simulate(np.random.default_rng(0), {"a": 0.97, "b": 0.85}, seeds=3, n=500)
    for seed in range(3):
        write_run(tmp_path, "a", seed, right["a"][seed], epoch_s=10)
        write_run(tmp_path, "b", seed, right["b"][seed], epoch_s=90, changes=changes)
    found = compared(tmp_path).tables
    assert len(found) == tables
    if tables > 1:
        return
    ((pair,), clocks) = found[0].pairs, {row.clock for row in found[0].rows}
    assert pair.significant
    assert pair.runs == (3, 3)
    timed = [f for f in found[0].fronts if f.cost in ("epoch_s", "total_s")]
    labels = {"a", "b"} if len(clocks) == 1 else {"a"}
    assert [set(front.values) for front in timed] == [labels, labels]
    by_seconds = [set(b.acc1) for b in found[0].budgets if b.unit == "seconds"]
    assert all(reached <= labels for reached in by_seconds)


def test_a_row_of_two_machines_counts_all_runs_and_times_those_of_one(tmp_path: Path) -> None:
    right = simulate(np.random.default_rng(1), {"a": 0.97, "b": 0.85}, seeds=4, n=500)
    for seed in range(4):
        one_thread = {"environment": {"threads": 1}} if seed == 3 else None
        write_run(tmp_path, "a", seed, right["a"][seed], epoch_s=10)
        slow = 200.0 if one_thread else 40.0
        write_run(tmp_path, "b", seed, right["b"][seed], epoch_s=slow, changes=one_thread)
    (table,) = compared(tmp_path).tables
    (pair,) = table.pairs
    assert pair.runs == (4, 4)
    assert {row.label: row.timing["epoch_s"] for row in table.rows} == {"a": 10, "b": 40}
    assert {row.clock for row in table.rows} == {"Test CPU, 2 threads"}
