"""Verdicts in sentences; imports no torch."""

from cnncompare.comparison.pairs import Pair
from cnncompare.terminal.formatting import number, p_value, significant
from cnncompare.trial.judge import Judgement, TrialVerdict
from cnncompare.trial.measures import TrialMeasure, reached_error

_TESTS = {
    "seeds-and-images": "test over seeds and test images",
    "permutation": "permutation of the runs",
}
_CONTROL = {"better": "worse", "same": "practically the same"}


def verdict_text(verdict: TrialVerdict) -> str:
    """Return the verdict; that of a control names the outcome that was found."""
    if not verdict.trial.config.is_control or verdict.status == "not run":
        return verdict.status
    expected = _CONTROL[verdict.trial.config.comparisons[0].expect]
    right = verdict.status == "confirmed"
    return f"{expected}, as it must" if right else f"not found to be {expected}: the control failed"


def judgement_sentence(judgement: Judgement) -> str:
    """Return what was found, in one or two sentences."""
    comparison, pair = judgement.comparison, judgement.pair
    if pair is None or judgement.means is None:
        return f"{comparison.better} against {comparison.worse}: not judged, {judgement.reason}."
    measure = judgement.measure
    a, b = (_value(value, measure) for value in judgement.means)
    found = (
        f"{measure.title[0].upper()}{measure.title[1:]}: {comparison.better} {a}, "
        f"{comparison.worse} {b}; {_difference(judgement, pair)}."
    )
    return " ".join([found, *_conclusion(judgement, pair)])


def certainty(judgement: Judgement) -> str:
    """Return how sure the verdict is: the test, p, and the number of runs."""
    pair = judgement.pair
    if pair is None:
        return ""
    test = _TESTS.get(pair.test, pair.test)
    runs = " and ".join(map(str, pair.runs)) if pair.runs[0] != pair.runs[1] else str(pair.runs[0])
    each = "" if pair.runs[0] != pair.runs[1] else " of each"
    return f"{test}, p = {p_value(pair.p).replace('= <', '<')}, {runs} runs{each}"


def _difference(judgement: Judgement, pair: Pair) -> str:
    measure = judgement.measure
    assert pair.difference is not None
    interval = ""
    if pair.low is not None and pair.high is not None:
        bounds = " to ".join(
            _bare(measure.shown(bound), measure) for bound in (pair.low, pair.high)
        )
        interval = f", 95 % interval {bounds}"
    shown = _bare(measure.shown(pair.difference), measure)
    return f"{'ratio' if measure.is_ratio else 'difference'} {shown}{interval}"


def _conclusion(judgement: Judgement, pair: Pair) -> list[str]:
    comparison, measure = judgement.comparison, judgement.measure
    margin = _limit(comparison.margin, measure)
    sentences = []
    if pair.verdict == "same":
        sentences.append(f"They are practically the same, within {margin}.")
    elif not pair.significant and judgement.detectable is not None:
        limit = _limit(judgement.detectable, measure)
        sentences.append(f"These runs show a difference of {limit} in 80 % of repetitions.")
    elif not pair.significant:
        sentences.append("These runs are too few to say which difference they would show.")
    if comparison.effect is not None:
        sentences.append(f"The paper reports {_limit(comparison.effect, measure)}.")
    return sentences


def unreached(verdict: TrialVerdict) -> str:
    """Return a sentence on runs whose training error never fell to 25 %, "" without any."""
    if all(c.measure != "epochs_to_25" for c in verdict.trial.config.comparisons):
        return ""
    counts = {
        label: sum(not reached_error(result) for result in results)
        for label, results in verdict.results.items()
    }
    late = [
        f"{n} of {len(verdict.results[label])} runs of {label}" for label, n in counts.items() if n
    ]
    if not late:
        return ""
    return f"{', '.join(late)} did not reach it and count with all their epochs."


def _value(value: float, measure: TrialMeasure) -> str:
    return significant(value) if measure.is_ratio else f"{value:.1f} %"


def _bare(value: float, measure: TrialMeasure) -> str:
    return significant(value) if measure.is_ratio else number(value, "+.1f")


def _limit(value: float, measure: TrialMeasure) -> str:
    return (
        f"a factor of {significant(value)}" if measure.is_ratio else f"{significant(value)} points"
    )
