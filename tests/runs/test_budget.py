import pytest

from cnncompare.runs.budget import budget_text, choose_epochs, macs_of_epoch, share_remark


@pytest.mark.parametrize(
    ("amount", "per_epoch", "epochs"),
    [
        (600, 10.5, 57),  # 57.1
        (600, 10.4, 58),  # 57.7
        (600, 600, 1),
        (600, 240, 3),  # 2.5
        (600, 600.1, 0),
        (1e15, 3e12, 333),
    ],
)
def test_the_nearest_whole_number_of_epochs(amount: float, per_epoch: float, epochs: int) -> None:
    assert choose_epochs(amount, per_epoch) == epochs


def test_the_use_is_within_5_percent_if_an_epoch_is_at_most_a_tenth() -> None:
    for hundredth in range(1, 1001):
        per_epoch = hundredth / 100
        used = choose_epochs(100, per_epoch) * per_epoch
        assert abs(used - 100) <= per_epoch / 2 + 1e-9
        assert abs(used - 100) <= 5 + 1e-9


def test_macs_of_an_epoch_by_hand() -> None:
    assert macs_of_epoch(2.0, 10) == 60.0  # forward, and twice as much backward


@pytest.mark.parametrize(
    ("seconds", "macs", "text"),
    [
        (600, None, "10 minutes"),
        (60, None, "1 minute"),
        (90, None, "90 s"),
        (7200, None, "2 hours"),
        (0.5, None, "0.5 s"),
        (None, 1e15, "1e+15 MACs"),
    ],
)
def test_budgets_in_words(seconds: float | None, macs: float | None, text: str) -> None:
    assert budget_text(seconds, macs) == text


def test_a_long_epoch_is_remarked() -> None:
    assert share_remark(100, 5) == ""
    assert "12 % of the budget" in share_remark(100, 12)
    assert "up to 6 %" in share_remark(100, 12)
