"""Budget of a training, from which its number of epochs is chosen."""

from pydantic import model_validator

from cnncompare.config.section import Positive, Section


class BudgetConfig(Section):
    """Cost of a training, instead of trainer.max_epochs; at most one of the two is set."""

    # of training and validation on this machine; an epoch is timed before the start
    seconds: Positive | None = None
    # multiply-accumulate operations of the training steps: 3 * MACs * training images per epoch
    macs: Positive | None = None

    @model_validator(mode="after")
    def _check_one(self) -> "BudgetConfig":
        if self.seconds is not None and self.macs is not None:
            raise ValueError(
                f"budget.seconds={self.seconds:g} and budget.macs={self.macs:g} choose the epochs "
                "in two ways; use one of them"
            )
        return self

    @property
    def is_set(self) -> bool:
        """Whether the epochs are chosen by a budget."""
        return self.amount is not None

    @property
    def amount(self) -> float | None:
        """The seconds or MACs; None without a budget."""
        return self.macs if self.seconds is None else self.seconds

    @property
    def override(self) -> str:
        """The override that sets the budget, such as budget.seconds=600."""
        unit = "macs" if self.seconds is None else "seconds"
        return f"budget.{unit}={self.amount:g}"

    @property
    def run_id_part(self) -> str:
        """The budget in the name of a run's folder, such as b600s."""
        text = f"b{self.macs:g}macs" if self.seconds is None else f"b{self.seconds:g}s"
        return text.replace("e+", "e")
