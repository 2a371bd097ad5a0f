"""The test of a pair of groups over their common folds or hold-outs."""

from dataclasses import replace

from cnncompare.comparison.fold_pairs import CORRECTED_T, FoldComparison, compare_over_folds
from cnncompare.comparison.folds import common_folds
from cnncompare.comparison.grouping import Group
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pair_tests import PairTest, compare_pair, member_of
from cnncompare.stats.two_samples import Difference


def compare_folds(a: Group, b: Group, metric: Metric) -> PairTest:
    """Test over the common folds or hold-outs; on a single one, over its seeds."""
    folds = common_folds(a, b)
    if not folds:
        return PairTest(None)
    if len(folds) == 1:
        of_a, of_b = folds[0]
        members = [member_of(replace(g, results=r), metric) for g, r in ((a, of_a), (b, of_b))]
        tested = compare_pair(members[0], members[1], None)
        seeds = {r.seed for r in of_a} & {r.seed for r in of_b}
        return replace(
            tested,
            folds=(of_a[0].number,),
            runs=(len(of_a), len(of_b)),
            seeds_in_common=tuple(sorted(seeds)),
        )
    found = compare_over_folds(folds, metric)
    return PairTest(None) if found is None else _corrected_t(found)


def _corrected_t(found: FoldComparison) -> PairTest:
    from scipy.special import stdtrit

    n, half = len(found.folds), (found.high - found.low) / 2
    variance = (half / float(stdtrit(n - 1, 0.975))) ** 2  # corrected for overlapping training sets
    wins = None if found.wins_a is None or found.wins_b is None else (found.wins_a, found.wins_b)
    return PairTest(
        found.difference,
        CORRECTED_T,
        found.p,
        Difference(found.difference, variance, 0.0, n - 1, (n, n), 1, variance * n, 0.0),
        wins=wins,
        power=found.power,
        runs=(n, n),
        folds=found.folds,
        seeds_in_common=found.seeds,
    )
