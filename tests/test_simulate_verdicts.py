"""The verdicts' error rates, power and coverage meet their goals."""

import pytest

from tests.simulate_faults import faults
from tests.simulate_verdicts import (
    PARTS,
    advice,
    coverage,
    false_families,
    found_pairs,
    looks,
    main,
)
from tests.simulation_lines import Line

SHORT = {faults: 5, looks: 30, false_families: 60, found_pairs: 60, coverage: 60, advice: 100}


@pytest.mark.parametrize("part", PARTS)
def test_a_short_simulation_meets_its_goals(part) -> None:  # type: ignore[no-untyped-def]
    """The tolerance is three standard errors."""
    lines = list(part(SHORT[part]))
    assert lines
    assert [str(line) for line in lines if not line.holds] == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", PARTS)
def test_a_long_simulation_meets_its_goals(part) -> None:  # type: ignore[no-untyped-def]
    lines = list(part(1000))
    print(*lines, sep="\n")
    assert [str(line) for line in lines if not line.holds] == []


def test_the_table_says_which_goals_are_missed(capsys: pytest.CaptureFixture[str]) -> None:
    def part(repeats: int):  # type: ignore[no-untyped-def]
        yield Line("held", 0.04, repeats, 0.05, before="8 %")
        yield Line("within the error", 0.06, repeats, 0.05)
        yield Line("not held", 0.5, repeats, 0.9, at_least=True)

    assert main(100, [part]) == 1
    out = capsys.readouterr().out
    assert [text for text in ("8 %", ": met (", ": met within", ": NOT MET") if text in out]
    assert "1 of the goals missed" in out
