"""Options of the training itself: duration, devices, speed settings."""

from typing import Annotated, Literal

from pydantic import Field

from cnncompare.config.section import Count, Positive, Section


class TrainerConfig(Section):
    """How long, on what, and with which speed settings."""

    max_epochs: Annotated[int, Field(ge=0)] = 25  # 0: no training, the weights are tested
    devices: Count = 1  # of each node
    nodes: Count = 1  # more are started by torchrun or Slurm
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "bf16-true"] = "32-true"
    gradient_clip_norm: Positive | None = None
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    channels_last: bool = False
    compile: bool = False
    trim_kernels: bool = False  # the taps that see padding alone, on maps smaller than a kernel
    matmul_precision: Literal["highest", "high", "medium"] = "highest"
    deterministic: bool = True
    threads: Count | None = None  # of the CPU; null is one per core, shared by the devices

    @property
    def processes(self) -> int:
        """Return how many processes train together, on all nodes."""
        return self.devices * self.nodes
