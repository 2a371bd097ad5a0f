"""Health checks of a finished training: signs that its accuracy says little about the network."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cnncompare.runs.record import HealthFinding
from cnncompare.stats.intervals import wilson

DIVERGED_RATIO = 10.0  # of the last epoch's mean training loss to the loss of the first step
CHANCE_LEVEL = 0.01  # one-sided: validation accuracy must beat the largest class at 99 %
FEW_STEPS = 100  # optimizer steps in all
LEFT_OUT_SHARE = 0.1  # of the training images, by the incomplete batch at an epoch's end
SATURATED_EPOCHS = 3  # at 100 % validation accuracy, and at least half of all epochs

Row = dict[str, float | None]


@dataclass(frozen=True)
class TrainingFacts:
    """What the checks need besides the rows of epochs.csv."""

    first_loss: float | None  # of the first optimizer step; None if it was not observed
    n_train: int
    n_val: int
    largest_val_class: int  # validation images of the most frequent class
    batch_size: int
    steps: int  # optimizer steps of the whole training
    own_lr: float  # the model's own learning rate for the optimizer in use
    balanced_classes: list[int] | None = (
        None  # validation images of each, if training balances them
    )
    max_steps: int | None = None  # the configured length, if it is not in epochs
    drawn: bool = False  # images are drawn with replacement, so that an epoch has not all of them
    has_budget: bool = False  # which chose the epochs


def check_health(rows: Sequence[Row], facts: TrainingFacts) -> list[HealthFinding]:
    """Return a finding for each check that the training failed; empty if all is well."""
    findings = [
        _diverged(rows, facts),
        _at_chance(rows, facts),
        _still_rising(rows, facts),
        _few_steps(facts),
        _images_left_out(facts),
        _saturated(rows),
    ]
    return [finding for finding in findings if finding is not None]


def _diverged(rows: Sequence[Row], facts: TrainingFacts) -> HealthFinding | None:
    last, first = rows[-1]["train_loss"], facts.first_loss
    if last is None or first is None or last <= DIVERGED_RATIO * max(first, 1e-12):
        return None
    return HealthFinding(
        check="diverged",
        evidence=f"the training loss rose from {first:.3g} at the first step to {last:.3g}",
        advice=f"lower the learning rate; the model's own is optimizer.lr={facts.own_lr:g}",
    )


def _at_chance(rows: Sequence[Row], facts: TrainingFacts) -> HealthFinding | None:
    from scipy.stats import binom  # 0.3 s, which a configuration error need not wait for

    title, key, n, chance = _measure_of_chance(facts)
    best = max((row.get(key) or 0.0 for row in rows), default=0.0)
    # with few images not even a perfect network passes the test: then any excess counts
    decidable = float(binom.sf(n - 1, n, chance)) <= CHANCE_LEVEL
    p = float(binom.sf(round(best * n) - 1, n, chance))
    if p <= CHANCE_LEVEL if decidable else best > chance:
        return None
    return HealthFinding(
        check="at_chance",
        evidence=(
            f"validation {title} {100 * best:.1f} % does not significantly exceed the "
            f"{100 * chance:.1f} % of always predicting the most frequent class"
        ),
        advice=(
            "check images and labels, and train longer or with another learning rate; "
            f"the model's own is optimizer.lr={facts.own_lr:g}"
        ),
    )


def _measure_of_chance(facts: TrainingFacts) -> tuple[str, str, int, float]:
    """Return title and column of the accuracy to judge, its number of images, and its chance level.

    A training that balances the classes may end below the share of the largest class, although it
    recognises all classes. It is judged by the balanced accuracy, with the number of images of a
    balanced split that is as precise.
    """
    if facts.balanced_classes is None:
        return "accuracy", "val_acc1", facts.n_val, facts.largest_val_class / facts.n_val
    counts = [n for n in facts.balanced_classes if n]
    effective = len(counts) ** 2 / sum(1 / n for n in counts)
    return "balanced accuracy", "val_balanced_acc1", max(1, int(effective)), 1 / len(counts)


def _still_rising(rows: Sequence[Row], facts: TrainingFacts) -> HealthFinding | None:
    if rows[-1]["val_acc1"] is None:  # the last epoch was not validated
        return None
    accuracies = [row["val_acc1"] or 0.0 for row in rows]
    tenth = math.ceil(len(rows) / 10)
    if len(rows) <= tenth or accuracies.index(max(accuracies)) != len(rows) - 1:
        return None
    interval = wilson(accuracies[-1] * facts.n_val, facts.n_val)
    gain = accuracies[-1] - max(accuracies[:-tenth])
    if interval.low is None or interval.high is None or gain <= (interval.high - interval.low) / 2:
        return None
    return HealthFinding(
        check="still_rising",
        evidence=(
            f"the last epoch is the best, and the last {tenth} of {len(rows)} epochs gained "
            f"{100 * gain:.1f} points of validation accuracy"
        ),
        advice="train longer: " + ("a larger budget" if facts.has_budget else _longer(rows, facts)),
    )


def _longer(rows: Sequence[Row], facts: TrainingFacts) -> str:
    if facts.max_steps:
        return f"trainer.max_steps={2 * facts.max_steps}"
    return f"trainer.max_epochs={2 * len(rows)}"


def _few_steps(facts: TrainingFacts) -> HealthFinding | None:
    if facts.steps >= FEW_STEPS:
        return None
    return HealthFinding(
        check="few_steps",
        evidence=f"{facts.steps} optimizer steps in all",
        advice="train for more epochs, or with a smaller data.batch_size",
    )


def _images_left_out(facts: TrainingFacts) -> HealthFinding | None:
    left_out = facts.n_train % facts.batch_size
    if facts.drawn or left_out <= LEFT_OUT_SHARE * facts.n_train:
        return None
    return HealthFinding(
        check="images_left_out",
        evidence=(
            f"each epoch leaves out {left_out} of {facts.n_train} training images, which do not "
            f"fill a batch of {facts.batch_size}"
        ),
        advice="use a smaller data.batch_size",
    )


def _saturated(rows: Sequence[Row]) -> HealthFinding | None:
    accuracies = [row["val_acc1"] for row in rows if row["val_acc1"] is not None]
    perfect = accuracies.count(1.0)
    if perfect < max(SATURATED_EPOCHS, len(accuracies) / 2):
        return None
    return HealthFinding(
        check="saturated",
        evidence=f"validation accuracy was 100 % in {perfect} of {len(accuracies)} epochs",
        advice="the data set is too easy to tell good networks apart; use a harder or larger one",
    )
