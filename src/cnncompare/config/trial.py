"""Claim of a paper that ``cnncompare trial`` puts to the test; no part of a run's identity."""

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from cnncompare.config.section import Count, Name, NotNegativeCount, Positive, Section

Measure = Literal[
    "acc1",
    "train_acc1",
    "epochs_to_25",
    "acc1_per_gmac",
    "train_test_gap",
    "dead_filters",
]
MEASURES: tuple[str, ...] = get_args(Measure)
RATIOS = ("epochs_to_25", "acc1_per_gmac")  # compared as ratios; margin and effect are factors
Text = Annotated[str, Field(min_length=1)]


class TrialComparison(Section):
    """Two variants of which the paper says that the first is better, or that they are equal."""

    better: Name
    worse: Name
    # same: the claim is that the difference is within the margin
    expect: Literal["better", "same"] = "better"
    # acc1: test accuracy; train_acc1: of the last epoch; epochs_to_25: epochs up to 25 % training
    # error; acc1_per_gmac; train_test_gap: training minus test accuracy; dead_filters: their share
    measure: Measure = "acc1"
    # difference that does not matter, in points; for ratios a factor above 1
    margin: Positive
    # what the paper reports, in the same unit; null: no number
    effect: Positive | None = None

    @model_validator(mode="after")
    def _check_units(self) -> "TrialComparison":
        for name in ("margin", "effect") if self.measure in RATIOS else ():
            value = getattr(self, name)
            if value is not None and value <= 1:
                raise ValueError(f"{name}={value:g}: {self.measure} needs a factor above 1")
        if self.measure not in RATIOS and self.margin >= 100:
            raise ValueError(f"margin={self.margin:g}: expected points below 100")
        if self.better == self.worse:
            raise ValueError(f"better and worse are both {self.better}")
        return self


class TrialConfig(Section):
    """A claim with its source, the variants that are trained, and how they are judged."""

    number: NotNegativeCount  # in the list of claims; 0: a planted control
    title: Text
    claim: Text
    source: Text  # paper, section, figure
    seeds: Count = 4
    minutes: Positive  # on two cores that do nothing else
    # overrides of each variant by its name
    variants: dict[Name, str] = Field(min_length=2)
    # first seed of a variant, where it is not 0
    first_seeds: dict[Name, NotNegativeCount] = Field(default={})
    comparisons: list[TrialComparison] = Field(min_length=1)
    full: list[Text] = Field(default=[])  # overrides of --full
    note: str = ""  # how the trial differs from the paper

    @model_validator(mode="after")
    def _check_names(self) -> "TrialConfig":
        used = [name for c in self.comparisons for name in (c.better, c.worse)]
        for name in (*used, *self.first_seeds):
            if name not in self.variants:
                known = ", ".join(self.variants)
                raise ValueError(f"there is no variant {name} (variants: {known})")
        for name, overrides in self.variants.items():
            items = overrides.split()
            if not items or not all("=" in item for item in items):
                raise ValueError(f"variants.{name}={overrides!r}: expected overrides, key=value")
        return self

    @property
    def is_control(self) -> bool:
        """Whether the outcome is known before."""
        return self.number == 0
