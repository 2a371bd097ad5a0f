"""The pairs of a table and their differences as text."""

from cnncompare.comparison.compare import ComparedTable
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pairs import Pair
from cnncompare.language.catalogue import tr, trn
from cnncompare.report.formatting import difference, difference_number, table_decimals


def pair_of(table: ComparedTable, a: str, b: str) -> Pair | None:
    """Return the pair of two labels; None if it was not compared."""
    return next((p for p in table.pairs if {p.a, p.b} == {a, b}), None)


def leader_of(pair: Pair, metric: Metric) -> str:
    """Return the label that the tested difference favours."""
    return pair.a if ((pair.difference or 0.0) >= 0) == metric.higher_is_better else pair.b


def other_of(pair: Pair, label: str) -> str:
    """Return the label of the pair beside this one."""
    return pair.b if pair.a == label else pair.a


def gap_text(table: ComparedTable, pair: Pair, metric: Metric) -> str:
    """Return "0.2 points, 95 % interval -0.3 to 0.7": the lead of the better of the two."""
    assert pair.difference is not None
    sign, decimals = (1 if pair.difference >= 0 else -1), table_decimals(table)
    items = [_qualified(table, pair, difference(sign * pair.difference, metric, decimals))]
    if pair.low is None or pair.high is None:
        return items[0]
    low, high = sorted((sign * pair.low, sign * pair.high))
    bounds = [difference_number(bound, metric, decimals) for bound in (low, high)]
    items.append(tr("95 % interval {low} to {high}", low=bounds[0], high=bounds[1]))
    if not pair.significant and low * high > 0 and not pair.too_few_runs:
        n = len(table.pairs)
        items.append(tr("not significant after correction for {n} pairs", n=n))
    return ", ".join(items)


def _qualified(table: ComparedTable, pair: Pair, text: str) -> str:
    """Return a difference with what it is over, if that is not the same for both networks."""
    if folds := _fewer_folds(table, pair):
        return tr("{difference} over {folds}", difference=text, folds=folds)
    if pair.runs[0] != pair.runs[1]:
        a, b = pair.runs
        return tr("{difference} with {a} and {b} runs", difference=text, a=a, b=b)
    return text


def _fewer_folds(table: ComparedTable, pair: Pair) -> str:
    """Return the folds of a pair if one of its rows has more."""
    if not pair.folds:
        return ""
    n = len(pair.folds)
    drawn = [r.resampling for r in table.rows if r.label in (pair.a, pair.b) and r.resampling]
    if max(len(resampling.numbers) for resampling in drawn) <= n:
        return ""
    if drawn[0].method == "folds":
        return trn("their {n} common fold", "their {n} common folds", n)
    return trn("their {n} common hold-out", "their {n} common hold-outs", n)
