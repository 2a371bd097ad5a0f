"""Role of a run in ``cnncompare tune``, which sets these keys."""

from typing import Literal

from pydantic import model_validator

from cnncompare.config.section import Count, Section


class TuningConfig(Section):
    """Whether a run is a trial, or has the default or the chosen setting; null: not tuned."""

    setting: Literal["default", "trial", "tuned"] | None = None
    trials: Count | None = None  # of each network, from which the setting was chosen
    space: str | None = None  # of the trials, such as lr=0.1:10
    trial: Count | None = None  # number of a trial; 1 is the default setting

    @model_validator(mode="after")
    def _check_setting(self) -> "TuningConfig":
        others = {"trials": self.trials, "space": self.space, "trial": self.trial}
        given = [name for name, value in others.items() if value is not None]
        if self.setting is None and given:
            raise ValueError(
                f"tuning.{given[0]}={others[given[0]]} is set by cnncompare tune, together with "
                "tuning.setting; use cnncompare tune -m model=A,B trials=5"
            )
        return self
