"""Section of the run record on the fold or hold-out that was tested; imports no torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ResamplingSection(BaseModel):
    """The test split as one of several draws from all images of the data set.

    `n` and `fingerprint` are those of all images, with their labels. `count` is the number of
    folds; it is null for hold-outs, which are independent of their number.
    """

    method: Literal["folds", "holdouts"]
    number: int  # of this fold or hold-out, from 1
    count: int | None = None
    test_fraction: float | None = None  # of a hold-out
    n: int
    fingerprint: str
    limits: dict[str, int] = Field(default={})  # data.limit_train, limit_val and limit_test

    model_config = ConfigDict(extra="forbid", frozen=True)
