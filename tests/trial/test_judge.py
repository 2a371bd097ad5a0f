"""Verdicts on hand-made records, whose right verdicts are known."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnncompare.comparison.load import Result, load_results
from cnncompare.config.trial import TrialConfig
from cnncompare.trial.command import verdict_json
from cnncompare.trial.curves import Curves, draw, error_curves, gradient_curves
from cnncompare.trial.files import Trial
from cnncompare.trial.judge import TrialVerdict, judge
from cnncompare.trial.measures import epochs_to_error, measure_named
from cnncompare.trial.page import render_verdicts
from cnncompare.trial.sentences import certainty, judgement_sentence, unreached, verdict_text
from tests.comparison.factory import simulate, write_run


def trial(*comparisons: dict[str, Any], number: int = 1) -> Trial:
    section = {
        "number": number,
        "title": "a <title>",
        "claim": "A is better than B.",
        "source": "Nobody 2020, table 1",
        "minutes": 1,
        "variants": {"a": "model=a", "b": "model=b"},
        "comparisons": list(comparisons),
    }
    return Trial("mine", "trial_mine", TrialConfig.model_validate(section))


A_BETTER = {"better": "a", "worse": "b", "margin": 1}


def results(
    folder: Path, a: float, b: float, seeds: int = 4, n: int = 2000, own: float = 0.3
) -> dict[str, list[Result]]:
    rng = np.random.default_rng(0)
    simulated = simulate(rng, {"a": a, "b": b}, seeds=seeds, n=n, own=own)
    for label, correct in simulated.items():
        for seed in range(seeds):
            write_run(folder / label, label, seed, correct[seed])
    return {label: load_results([folder / label])[0] for label in ("a", "b")}


def with_epochs(found: Sequence[Result], accuracies: Sequence[Sequence[float]]) -> list[Result]:
    """Give each result the training accuracies of its epochs."""
    for result, values in zip(found, accuracies, strict=True):
        result.__dict__["epochs"] = [
            {"epoch": n, "train_acc1": value} for n, value in enumerate(values, start=1)
        ]
    return list(found)


def test_a_difference_in_the_claimed_direction_confirms(tmp_path: Path) -> None:
    found = results(tmp_path, 0.9, 0.8)
    assert judge(trial(A_BETTER), found).status == "confirmed"
    swapped = {"better": "b", "worse": "a", "margin": 1}
    assert judge(trial(swapped), found).status == "contradicted"


def test_a_small_difference_of_many_images_is_practically_the_same(tmp_path: Path) -> None:
    found = results(tmp_path, 0.9, 0.9, n=6000)
    wide = A_BETTER | {"margin": 5}
    verdict = judge(trial(wide), found)
    assert verdict.status == "not confirmed here"
    assert "practically the same, within 5 points" in judgement_sentence(verdict.judgements[0])
    assert judge(trial(wide | {"expect": "same"}, number=0), found).status == "confirmed"


def test_no_difference_counts_against_the_claim_only_with_power(tmp_path: Path) -> None:
    found = results(tmp_path, 0.8, 0.8, n=1000)
    (judgement,) = judge(trial(A_BETTER | {"margin": 0.1, "effect": 30}), found).judgements
    assert judgement.status == "not confirmed here"
    assert judgement.detectable is not None
    assert 0.5 < judgement.detectable < 30
    verdict = judge(trial(A_BETTER | {"margin": 0.1, "effect": 0.2}), found)
    assert verdict.status == "undecided"
    sentence = judgement_sentence(verdict.judgements[0])
    assert "in 80 % of repetitions. The paper reports 0.2 points." in sentence


def test_equality_is_contradicted_by_a_difference_beyond_the_margin(tmp_path: Path) -> None:
    found = results(tmp_path, 0.9, 0.7)
    same = A_BETTER | {"expect": "same"}
    assert judge(trial(same), found).status == "contradicted"
    control = judge(trial(same, number=0), found)
    assert verdict_text(control) == "not found to be practically the same: the control failed"
    worse = judge(trial(A_BETTER, number=0), found)
    assert verdict_text(worse) == "worse, as it must"


def test_one_contradiction_outweighs_a_confirmation(tmp_path: Path) -> None:
    found = results(tmp_path, 0.9, 0.8)
    both = judge(trial(A_BETTER, {"better": "b", "worse": "a", "margin": 1}), found)
    assert [j.status for j in both.judgements] == ["confirmed", "contradicted"]
    assert both.status == "contradicted"


def test_a_trial_without_runs_is_not_judged(tmp_path: Path) -> None:
    found = results(tmp_path, 0.9, 0.8, seeds=2)
    verdict = judge(trial(A_BETTER), {"a": found["a"], "b": found["b"][:1]}, ["1 runs of b"])
    assert verdict.status == "not run"
    sentence = judgement_sentence(verdict.judgements[0])
    assert "b has 1 finished runs; two are needed" in sentence
    assert judge(trial(A_BETTER), {}).status == "not run"


@pytest.mark.parametrize(
    ("errors", "epochs"),
    [
        ([0.5, 0.25], 2.0),
        ([0.5, 0.0], 1.5),
        ([0.25], 1.0),
        ([0.1], 0.75 / 0.9),  # from an error of 1 before the first epoch
        ([0.5, 0.4], 2.0),  # never: its whole length
        ([0.5, 0.2, 0.9], 1 + 0.25 / 0.3),
    ],
)
def test_epochs_to_25_percent_error_by_hand(
    tmp_path: Path, errors: list[float], epochs: float
) -> None:
    write_run(tmp_path, "a", 0, np.ones(10, bool))
    (result,) = with_epochs(load_results([tmp_path])[0], [[1 - error for error in errors]])
    assert epochs_to_error(result) == pytest.approx(epochs)


def test_epochs_are_compared_as_a_ratio(tmp_path: Path) -> None:
    found = results(tmp_path, 0.9, 0.9)
    fast, slow = [[0.5, 0.75, 0.9]] * 4, [[0.1] * 7 + [0.75]] * 4
    fast[0], slow[0], slow[1] = [0.5, 0.74, 0.9], [0.1] * 8, [0.1] * 7 + [0.76]
    found = {"a": with_epochs(found["a"], fast), "b": with_epochs(found["b"], slow)}
    claim = A_BETTER | {"measure": "epochs_to_25", "margin": 1.2, "effect": 6}
    verdict = judge(trial(claim), found)
    (judgement,) = verdict.judgements
    assert judgement.status == "confirmed"
    assert judgement.means is not None
    assert judgement.means[0] / judgement.means[1] == pytest.approx(0.25, rel=0.02)
    assert "ratio 0.2" in judgement_sentence(judgement)
    assert "a factor of 6" in judgement_sentence(judgement)
    assert "permutation of the runs, p = 0.029, 4 runs of each" in certainty(judgement)
    assert unreached(verdict).startswith("1 of 4 runs of b did not reach it")


def test_training_accuracy_is_that_of_the_last_epoch(tmp_path: Path) -> None:
    found = results(tmp_path, 0.9, 0.9)
    found = {
        "a": with_epochs(found["a"], [[0.1, 0.9 + seed / 100] for seed in range(4)]),
        "b": with_epochs(found["b"], [[0.9, 0.5 + seed / 100] for seed in range(4)]),
    }
    verdict = judge(trial(A_BETTER | {"measure": "train_acc1"}), found)
    assert verdict.status == "confirmed"
    assert verdict.judgements[0].means == pytest.approx((91.5, 51.5))


def test_accuracy_per_gmac_is_a_ratio_of_recorded_values(tmp_path: Path) -> None:
    found = results(tmp_path, 0.9, 0.9)
    result = found["a"][0]
    measured = measure_named("acc1_per_gmac").metric.per_run(result)
    assert result.record.test.acc1 is not None
    assert result.model.macs is not None
    assert np.exp(measured or 0) == pytest.approx(result.record.test.acc1 / result.model.macs * 1e9)


def test_the_page_has_verdict_sentence_and_curves_and_escapes_text(tmp_path: Path) -> None:
    found = results(tmp_path, 0.9, 0.8)
    with_epochs(found["a"], [[0.5, 0.9]] * 4)
    verdict = judge(trial(A_BETTER), found, ["1 runs of <b> did not finish: x"])
    page = render_verdicts([verdict])
    assert "A is better than B." in page
    assert "Confirmed." in page
    assert "a &lt;title&gt;" in page
    assert "&lt;b&gt; did not finish" in page
    assert page.count("<svg") == 1
    assert "http" not in page.replace("http-equiv", "")  # nothing is loaded from elsewhere


def test_curves_show_the_mean_error_and_the_gradients(tmp_path: Path) -> None:
    found = results(tmp_path, 0.9, 0.8, seeds=2)
    with_epochs(found["a"], [[0.5, 0.7], [0.7, 0.9]])
    for result in found["a"]:
        result.epochs[0].update({"grad_norm.conv1": 0.1, "grad_norm.fc": 1.0})
        result.epochs[1].update({"grad_norm.conv1": 0.3, "grad_norm.fc": 1.0})
    errors, gradients = error_curves(found), gradient_curves(found)
    assert errors is not None
    assert [value for _, value in errors.lines["a"]] == pytest.approx([40, 20])
    assert gradients is not None
    assert gradients.lines == {"a": [(0.0, pytest.approx(0.2)), (1.0, 1.0)]}
    assert "polyline" in draw(gradients)
    flat = draw(Curves("t", "x", "y", {"a&b": [(1, 5.0)]}))  # one point, without a range
    assert "a&amp;b" in flat
    low = {name: [(1.0, 0.0), (2.0, 0.1)] for name in "abc"}
    drawn = draw(Curves("t", "x", "y", low | {"high": [(1.0, 90.0), (2.0, 89.0)]}))
    at = {m[2]: float(m[1]) for m in re.finditer(r'y="([\d.]+)" fill="#\w+">(\w+)<', drawn)}
    assert set(at) == {"a", "b", "c", "high"}
    assert at["high"] < 30  # beside the end of its line
    assert all(level <= 264 for level in at.values())
    assert min(b - a for a, b in pairwise(sorted(at.values()))) >= 14.9
    assert "nan" not in flat


def test_json_names_the_verdict_and_its_numbers(tmp_path: Path) -> None:
    verdict: TrialVerdict = judge(trial(A_BETTER), results(tmp_path, 0.9, 0.8))
    content = verdict_json(verdict)
    assert content["verdict"] == "confirmed"
    (comparison,) = content["comparisons"]
    assert comparison["low"] < comparison["difference"] < comparison["high"]
    assert comparison["difference"] == pytest.approx(10, abs=3)
    assert comparison["runs"] == [4, 4]
    assert len(content["variants"]["a"]["runs"]) == 4
