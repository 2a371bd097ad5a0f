"""Budget of a training in its record: cost of an epoch, number of epochs, and what was used."""

import math

from cnncompare.language.catalogue import tr, trn
from cnncompare.runs.record_section import RecordSection

FORWARD_AND_BACKWARD = 3  # cost of a training step, in forward passes
TOLERANCE = 0.05  # share of the budget by which its use may differ without a remark


class BudgetSection(RecordSection):
    """A budget in seconds or MACs, with the cost of an epoch from which the epochs were chosen."""

    seconds: float | None = None  # of training and validation; null: the budget is in MACs
    macs: float | None = None
    per_epoch: float  # in the unit of the budget, when the epochs were chosen
    used: float | None = None  # by the finished epochs, in the same unit; null before the end

    @property
    def amount(self) -> float:
        """The seconds or MACs."""
        amount = self.macs if self.seconds is None else self.seconds
        assert amount is not None
        return amount

    @property
    def used_share(self) -> float | None:
        """The used share of the budget, which can exceed 1."""
        return None if self.used is None else self.used / self.amount


def macs_of_epoch(macs: float, n_train: int) -> float:
    """Return the MACs of the training steps of an epoch; `macs` are those of one image."""
    return float(macs) * n_train * FORWARD_AND_BACKWARD


def choose_epochs(amount: float, per_epoch: float) -> int:
    """Return the number of epochs whose cost is nearest to `amount`; 0 if it is below one epoch."""
    return 0 if per_epoch > amount else math.floor(amount / per_epoch + 0.5)


def budget_text(seconds: float | None, macs: float | None) -> str:
    """Return "10 minutes" or "1e+15 MACs"."""
    if seconds is None:
        return f"{macs:.4g} MACs"
    if seconds >= 3600 and seconds % 3600 == 0:
        return trn("{n} hour", "{n} hours", int(seconds // 3600))
    if seconds >= 60 and seconds % 60 == 0:
        return trn("{n} minute", "{n} minutes", int(seconds // 60))
    return tr("{seconds} s", seconds=f"{seconds:g}")


def share_remark(amount: float, per_epoch: float) -> str:
    """Return a remark on an epoch that is longer than the tolerance, an empty string otherwise."""
    share = per_epoch / amount
    if share <= TOLERANCE:
        return ""
    return (
        f"an epoch is {100 * share:.0f} % of the budget, so that its use can differ from it by up "
        f"to {50 * share:.0f} %"
    )


def cost_text(cost: float, *, in_seconds: bool) -> str:
    """Return "10.5 s" or "3.1e+08 MACs"."""
    return f"{cost:.3g} s" if in_seconds else f"{cost:.4g} MACs"
