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
    # auto: a GPU if there is one
    accelerator: Annotated[Literal["auto", "cpu", "gpu", "mps"], PROTOCOL] = "auto"
    # bf16 and fp16 are faster on hardware that supports them
    precision: Annotated[Literal["32-true", "bf16-mixed", "16-mixed", "bf16-true"], PROTOCOL] = (
        "32-true"
    )
    gradient_clip_norm: Annotated[Positive | None, TRAINING] = None  # largest norm of a gradient
    # validate and test a moving average of the weights; null: the weights themselves
    ema_decay: Annotated[Annotated[float, Field(gt=0, lt=1)] | None, TRAINING] = None
    channels_last: Annotated[bool, PROTOCOL] = False  # memory format of images and weights
    compile: Annotated[bool, PROTOCOL] = False  # with torch.compile
    trim_kernels: Annotated[bool, PROTOCOL] = (
        False  # remove kernel taps that only ever meet padding
    )
    # high: TF32 on recent GPUs
    matmul_precision: Annotated[Literal["highest", "high", "medium"], PROTOCOL] = "highest"
    deterministic: bool = True  # repeated runs on one machine agree exactly
    # CPU threads per device; null: the cores divided by the devices
    threads: Annotated[Count | None, DESCRIBED] = None

    @property
    def processes(self) -> int:
        """The number of processes that train together, on all nodes."""
        return self.devices * self.nodes
