"""Role of a run in a tuning, in its record."""

from typing import Literal

from cnncompare.runs.record_section import RecordSection


class TuningSection(RecordSection):
    """Role of a run in a tuning with the same number of trials for each network."""

    setting: Literal["default", "trial", "tuned"]
    trials: int | None = None  # of each network; null for a trial
    space: str | None = None  # in which the trials lie
    trial: int | None = None  # number of a trial; 1 is the default setting
