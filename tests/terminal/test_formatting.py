"""Number formats: dashes for unknown values, no negative zero, one form per quantity."""

import pytest

from cnncompare.terminal import formatting
from cnncompare.terminal.formatting import (
    UNKNOWN,
    duration,
    number,
    percent,
    percentage,
    significant,
)

DASH = "\u2013"


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, DASH), (float("nan"), DASH), (0.0, "0.0 %"), (0.9722, "97.2 %"), (1.0, "100.0 %"),
     (0.9999, "99.9 %")],
)  # fmt: skip
def test_percent_reaches_100_only_without_errors(share: float | None, text: str) -> None:
    assert percent(share) == text
    assert percentage(share) == text.removesuffix(" %")


def test_percentage_with_two_decimals() -> None:
    assert percentage(0.99999, 2) == "99.99"
    assert percentage(0.12345, 2) == "12.35"


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (-0.0, ".1f", "0.0"),
        (-0.04, ".1f", "0.0"),
        (-0.04, "+.1f", "+0.0"),
        (-0.00004, "+.3f", "+0.000"),
        (-0.0, ".3g", "0"),
        (-0.4, ",.0f", "0"),
        (-0.06, ".1f", "-0.1"),
        (-1e-9, ".2g", "-1e-09"),
        (-1234.5, ",.0f", "-1,234"),
        (None, ".1f", DASH),
        (float("nan"), ".1f", DASH),
    ],
)
def test_zero_has_no_minus_sign(value: float | None, spec: str, text: str) -> None:
    assert number(value, spec) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.012345, "0.0123"), (1.2345, "1.23"), (99.94, "99.9"), (12345.6, "12,346"), (None, DASH)],
)
def test_significant_digits(value: float | None, text: str) -> None:
    assert significant(value) == text


def test_units_of_a_network() -> None:
    assert formatting.millions(11_173_962) == "11.2"
    assert formatting.gmacs(40_551_424) == "0.0406"
    assert formatting.integer(612.3) == "612"
    assert formatting.millions(None) == formatting.gmacs(None) == UNKNOWN


def test_small_p_values_are_bounds() -> None:
    assert formatting.p_value(0.04321) == "0.043"
    assert formatting.p_value(1e-5) == "< 0.0001"
    assert formatting.p_value(None) == DASH


def test_enumerations() -> None:
    found = [formatting.enumeration(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])]
    assert found == ["a", "a and b", "a, b and c"]


@pytest.mark.parametrize(("n_test", "decimals"), [(360, 1), (4999, 1), (5000, 2)])
def test_decimals_follow_the_number_of_test_images(n_test: int, decimals: int) -> None:
    assert formatting.accuracy_decimals(n_test) == decimals


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, UNKNOWN),
        (float("nan"), UNKNOWN),
        (0.04, "0.0 s"),
        (12.34, "12.3 s"),
        (12, "12 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (60, "1 min 00 s"),
        (208.2, "3 min 28 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (18_420, "5 h 07 min"),
        (86_399, "1 d 0 h"),
        (187_200, "2 d 4 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float | None, expected: str) -> None:
    assert duration(seconds) == expected
