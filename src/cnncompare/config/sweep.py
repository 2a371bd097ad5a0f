"""Options of a sweep; none is part of a run's identity."""

from typing import Literal

from pydantic import Field

from cnncompare.config.section import Count, Positive, Section


class SweepConfig(Section):
    """How the jobs of -m are run, and which; no part of a run's identity."""

    workers: Literal["auto"] | Count = "auto"  # jobs at a time; auto: one per GPU, on a CPU one
    timeout_s: Positive | None = None  # a job that takes longer is stopped and counts as failed
    # each a line of overrides, combined with the values that the command line sweeps
    # each a line of overrides, combined with the values that the command line sweeps
    jobs: list[str] = Field(default=[])
    # jobs that match every override of a line are left out; * matches anything
    skip: list[str] = Field(default=[])
