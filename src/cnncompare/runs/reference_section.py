"""Record sections of a check against a reference result; imports no torch."""

from typing import ClassVar, Literal

from pydantic import Field

from cnncompare.runs.record_section import RecordSection


class ReferenceResultSection(RecordSection):
    """Accuracies reported with the pretrained weights, on ImageNet's validation set."""

    acc1: float
    acc5: float
    source: str


class DeviationEffectSection(RecordSection):
    """Accuracy with and without a possible cause of a deviating result, on the same images."""

    cause: str  # normalisation, resize, crop, interpolation, precision or class order
    n: int
    acc1: float  # of the run
    acc1_without: float


class ReferenceCheckSection(RecordSection):
    """Comparison of the measured accuracies with the reference result."""

    EARLIER_KEYS: ClassVar = {"what_if": "deviation_effects"}

    verdict: Literal["pass", "differs", "subset", "unknown"]
    message: str
    difference1: float | None = None  # top-1, measured minus reference
    difference5: float | None = None  # top-5
    low1: float | None = None  # 95 % interval (Wilson) of the measured top-1
    high1: float | None = None
    deviation_effects: list[DeviationEffectSection] = Field(default=[])
