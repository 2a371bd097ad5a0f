import numpy as np
import pytest
from numpy.typing import NDArray

from cnncompare.stats import critical_values as module
from cnncompare.stats.critical_values import critical_values, tail_probabilities
from cnncompare.stats.variance_components import least_significant_difference

SHARES = np.array([0.0, 1e-6, 0.001, 0.01, 0.1, 0.3, 0.6, 0.9, 0.999, 1.0])


def bisection(
    shares: NDArray[np.float64], df: float, alpha: float, steps: int
) -> NDArray[np.float64]:
    """Evaluate the tails at every step, between the bounds of the function under test."""
    from scipy.special import ndtri, stdtrit

    low = np.full_like(shares, -0.5 * float(ndtri(alpha / 2)))
    high = np.full_like(shares, float(stdtrit(df, 1 - alpha / 2)) + 1.0)
    for _ in range(steps):
        middle = (low + high) / 2
        too_low = tail_probabilities(middle, shares, df) > alpha
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    return high


@pytest.mark.parametrize("steps", [22, 40])
@pytest.mark.parametrize("alpha", [0.5, 0.05 / 45, 1e-5])
@pytest.mark.parametrize("df", [0.5, 1.37, 3, 70])
def test_the_critical_values_have_the_bits_of_a_whole_bisection(
    df: float, alpha: float, steps: int
) -> None:
    found = critical_values(SHARES, df, alpha, steps)
    assert found.tobytes() == bisection(SHARES, df, alpha, steps).tobytes()


def test_a_wrong_root_changes_no_critical_value(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = bisection(SHARES, 3.0, 0.05, 40)
    for wrong in (np.nan, 0.0, 1e9, 2.0):
        roots = np.full_like(SHARES, wrong)
        monkeypatch.setattr(module, "_root", lambda *_, roots=roots: roots)
        assert critical_values(SHARES, 3.0, 0.05, 40).tobytes() == expected.tobytes()


def test_most_critical_values_need_no_bisection(monkeypatch: pytest.MonkeyPatch) -> None:
    bisected: list[int] = []
    whole = module._bisected

    def count(low: NDArray[np.float64], *others: float) -> NDArray[np.float64]:
        bisected.append(len(low))
        return whole(low, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_bisected", count)
    critical_values(np.linspace(0.02, 1, 200), 4.0, 0.05, 22)
    assert sum(bisected) <= 4


def test_the_interpolated_values_do_not_depend_on_earlier_calls() -> None:
    """Only the neighbours of the requested shares are computed, and kept for later calls."""
    wide, df, alpha = np.linspace(0, 1, 64), 6.25, 0.0123
    narrow = wide[20:24]
    first = least_significant_difference(narrow, 1 - narrow, df, alpha)
    after = least_significant_difference(wide, 1 - wide, df, alpha)
    grid = np.linspace(0, 1, 33)
    exact = bisection(grid**2, df, alpha, 22)
    expected = np.interp(np.sqrt(wide), grid, exact) * np.sqrt(wide + (1 - wide))
    assert after.tobytes() == expected.tobytes()
    assert first.tobytes() == expected[20:24].tobytes()
