"""Options of the trainer: duration, devices, precision and speed."""

from typing import Annotated, Literal

from pydantic import Field

from cnncompare.config.section import Count, Positive, Section


class TrainerConfig(Section):
    """Duration, devices, precision and speed settings of a training."""

    max_epochs: Annotated[int, Field(ge=0)] = 25  # 0: no training, only a test of the weights
    devices: Count = 1  # per node
    nodes: Count = 1  # more than one is started by torchrun or Slurm
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "bf16-true"] = "32-true"
    gradient_clip_norm: Positive | None = None
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    channels_last: bool = False
    compile: bool = False
    trim_kernels: bool = False  # remove kernel taps that only ever meet padding
    matmul_precision: Literal["highest", "high", "medium"] = "highest"
    deterministic: bool = True
    threads: Count | None = None  # CPU threads per device; null: the cores divided by the devices

    @property
    def processes(self) -> int:
        """The number of processes that train together, on all nodes."""
        return self.devices * self.nodes
