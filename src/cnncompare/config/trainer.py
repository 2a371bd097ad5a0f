"""Options of the trainer: duration, devices, precision and speed."""

from typing import Annotated, Literal

from pydantic import Field

from cnncompare.config.section import (
    DESCRIBED,
    PROTOCOL,
    TRAINING,
    Count,
    Option,
    Positive,
    Section,
)


class TrainerConfig(Section):
    """Duration, devices, precision and speed settings of a training."""

    # 0: no training, only a test of the weights
    max_epochs: Annotated[int, Field(ge=0), Option("protocol", "training", table_key="epochs")] = 25
    devices: Annotated[Count, PROTOCOL] = 1  # per node
    nodes: Count = 1  # more than one is started by torchrun or Slurm
    accelerator: Annotated[Literal["auto", "cpu", "gpu", "mps"], PROTOCOL] = "auto"
    precision: Annotated[Literal["32-true", "bf16-mixed", "16-mixed", "bf16-true"], PROTOCOL] = (
        "32-true"
    )
    gradient_clip_norm: Annotated[Positive | None, TRAINING] = None
    ema_decay: Annotated[Annotated[float, Field(gt=0, lt=1)] | None, TRAINING] = None
    channels_last: Annotated[bool, PROTOCOL] = False
    compile: Annotated[bool, PROTOCOL] = False
    trim_kernels: Annotated[bool, PROTOCOL] = (
        False  # remove kernel taps that only ever meet padding
    )
    matmul_precision: Annotated[Literal["highest", "high", "medium"], PROTOCOL] = "highest"
    deterministic: bool = True
    # CPU threads per device; null: the cores divided by the devices
    threads: Annotated[Count | None, DESCRIBED] = None

    @property
    def processes(self) -> int:
        """The number of processes that train together, on all nodes."""
        return self.devices * self.nodes
