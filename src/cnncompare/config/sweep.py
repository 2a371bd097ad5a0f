"""Options of a sweep; none is part of a run's identity."""

from typing import Literal

from pydantic import Field

from cnncompare.config.section import Count, NotNegativeCount, Positive, Section


class SweepConfig(Section):
    """Execution and selection of the jobs of -m."""

    workers: Literal["auto"] | Count = "auto"  # parallel jobs; auto: one per GPU, or one on a CPU
    timeout_s: Positive | None = None  # a job that takes longer is stopped and fails
    retries: NotNegativeCount = 0  # of a job that was killed, timed out or ran out of memory
    stop_at_first_failure: bool = False
    max_hours: Positive | None = None  # then running jobs are stopped, to be resumed later
    # lines of overrides, each combined with the values swept on the command line
    jobs: list[str] = Field(default=[])
    # lines of overrides; jobs that match all of a line are skipped; * matches anything
    skip: list[str] = Field(default=[])
