"""Base class of the configuration's sections, the types of their fields, and their meaning."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]
NotNegativeCount = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Pixels = Annotated[int, Field(ge=8, le=1024)]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]

Role = Literal["identity", "protocol", "repetition", "neither"]


@dataclass(frozen=True)
class Option:
    """Metadata of a field: its effect on a run, and its name in the run record.

    Written as ``compile: Annotated[bool, PROTOCOL] = False``; a field without it has the defaults,
    and the metadata of a section apply to all of its fields. `config.options` derives everything
    else from them: the hash, the settings in run.json and HParams, the protocol of a table, the
    fairness card.
    """

    # identity: can change the numbers of a run; part of its hash
    # protocol: likewise, and the runs of a table share it
    # repetition: likewise, but runs that differ only in it are averaged
    # neither: changes no number
    role: Role = "identity"
    # of the runs that it affects; a test evaluates pretrained weights without training
    scope: Literal["run", "training", "test"] = "run"
    key: str | None = None  # in run.json; null: the field's name; "": described elsewhere there
    table_key: str | None = None  # in a table's protocol; null: the same as in run.json
    omitted: bool = False  # from run.json and protocols while it has its default


PROTOCOL = Option("protocol")
NEITHER = Option("neither")
TRAINING = Option(scope="training")
TRAINING_PROTOCOL = Option("protocol", scope="training")
DESCRIBED = Option(key="")  # by the sections model, data and environment of run.json


class Section(BaseModel):
    """A section of the configuration: unknown keys are refused, types are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())
