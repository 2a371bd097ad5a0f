"""Values and differences of metrics as text."""

import pytest

from cnncompare.comparison.metrics import METRICS
from cnncompare.report.formatting import difference, difference_number, metric_number, metric_value
from cnncompare.terminal.formatting import UNKNOWN

TOP1, LOSS = METRICS["top1"], METRICS["nll"]


def test_an_accuracy_is_in_percent_and_a_loss_is_not() -> None:
    assert metric_value(0.9722, TOP1) == "97.2 %"
    assert metric_number(0.9722, TOP1, 2) == "97.22"
    assert metric_value(0.12345, LOSS) == metric_number(0.12345, LOSS) == "0.1235"
    assert metric_value(None, TOP1) == metric_value(None, LOSS) == UNKNOWN


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "+1.2 points"), (-0.0004, "+0.0 points"), (None, UNKNOWN)]
)
def test_a_difference_of_accuracies_is_in_points(value: float | None, text: str) -> None:
    assert difference(value, TOP1, signed=True) == text


def test_a_difference_of_losses_has_no_unit_and_no_negative_zero() -> None:
    assert difference(-0.00001, LOSS) == difference_number(-0.00001, LOSS) == "0.0000"
    assert difference(-0.0123, LOSS) == "-0.0123"
