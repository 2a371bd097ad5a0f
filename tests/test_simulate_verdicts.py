"""The verdicts' error rates, power and coverage meet their goals."""

import pytest

from tests.simulate_verdicts import coverage, false_families, found_pairs


@pytest.mark.parametrize("part", [false_families, found_pairs, coverage])
def test_a_short_simulation_meets_its_goals(part) -> None:  # type: ignore[no-untyped-def]
    """60 repeats; the tolerance is three standard errors."""
    lines = list(part(60))
    assert len(lines) > 5
    assert [str(line) for line in lines if not line.holds] == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", [false_families, found_pairs, coverage])
def test_a_long_simulation_meets_its_goals(part) -> None:  # type: ignore[no-untyped-def]
    lines = list(part(1000))
    print(*lines, sep="\n")
    assert [str(line) for line in lines if not line.holds] == []
