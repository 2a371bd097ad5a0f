"""Options of the trainer: duration, devices, precision and speed.

A name that PyTorch Lightning's Trainer has too has its meaning there.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from cnncompare.config.section import (
    DESCRIBED,
    NEITHER,
    PROTOCOL,
    TRAINING,
    Count,
    NotNegativeCount,
    Option,
    Positive,
    Section,
)
from cnncompare.system.gpus import count_cuda_gpus

# keys in the files of earlier versions, whose hashes and records keep these names
EARLIER_NAMES = {"nodes": "num_nodes", "gradient_clip_norm": "gradient_clip_val"}  # old names
PRECISIONS = {"32": "32-true", "16": "16-mixed", "bf16": "bf16-mixed"}  # Lightning's other names


def _one_spelling(value: Any) -> Any:
    """Return the only spelling of a precision, so that the others do not change the hash."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return PRECISIONS.get(str(value), value) if is_number or isinstance(value, str) else value


Precision = Annotated[
    Literal["32-true", "bf16-mixed", "16-mixed", "bf16-true"],
    BeforeValidator(
        _one_spelling,
        json_schema_input_type=Literal[
            "32-true", "bf16-mixed", "16-mixed", "bf16-true", 32, 16, "32", "16", "bf16"
        ],
    ),
]


def _has_duplicates(numbers: list[int]) -> bool:
    return len(set(numbers)) < len(numbers)


class TrainerConfig(Section):
    """Duration, devices, precision and speed settings of a training."""

    # 0: no training, only a test of the weights
    max_epochs: Annotated[int, Field(ge=0), Option("protocol", "training", table_key="epochs")] = 25
    # per node: a number, auto (all GPUs, or one CPU process), or numbers of GPUs such as [0,2]
    devices: Annotated[Count | list[NotNegativeCount] | Literal["auto"], PROTOCOL] = 1
    # more than one is started by torchrun or Slurm
    num_nodes: Annotated[Count, Option(key="nodes")] = 1
    # auto: a GPU if there is one
    accelerator: Annotated[Literal["auto", "cpu", "gpu", "mps"], PROTOCOL] = "auto"
    # auto: ddp with several processes; ddp computes the same numbers
    strategy: Annotated[Literal["auto", "ddp"], NEITHER] = "auto"
    # bf16 and fp16 are faster on hardware that supports them
    precision: Annotated[Precision, PROTOCOL] = "32-true"
    # largest norm of a gradient
    gradient_clip_val: Annotated[
        Positive | None, Option(scope="training", key="gradient_clip_norm")
    ] = None
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
    # validation batches before the first epoch, so that an error in validation appears at once
    num_sanity_val_steps: Annotated[NotNegativeCount, NEITHER] = 0
    # CPU threads per device; null: the cores divided by the devices
    threads: Annotated[Count | None, DESCRIBED] = None

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, values: Any) -> Any:
        """Accept the names of earlier versions, and replace devices=auto by its number."""
        if not isinstance(values, Mapping):
            return values
        resolved = {  # a name is kept, and refused later, if the new one is there as well
            key if EARLIER_NAMES.get(key, key) in values else EARLIER_NAMES.get(key, key): value
            for key, value in values.items()
        }
        if resolved.get("devices") == "auto":
            on_gpu = resolved.get("accelerator", "auto") in ("auto", "gpu")
            resolved["devices"] = max(1, count_cuda_gpus()) if on_gpu else 1
        return resolved

    @field_validator("strategy", mode="before")
    @classmethod
    def _check_strategy(cls, value: Any) -> Any:
        if isinstance(value, str) and "fsdp" in value:
            raise ValueError(
                f"trainer.strategy={value} is not available: every network here fits on one "
                "device; use ddp, which trains on several, or auto"
            )
        return value

    @field_validator("devices", mode="before")
    @classmethod
    def _check_devices(cls, value: Any) -> Any:
        numbers = value if isinstance(value, list) else [value]
        are_integers = all(type(number) is int for number in numbers)
        lowest = 0 if isinstance(value, list) else 1
        if not numbers or not are_integers or min(numbers) < lowest or _has_duplicates(numbers):
            raise ValueError(
                f"trainer.devices={value!r}: give a number of devices, auto, or a list of "
                "different GPU numbers, such as [0,2]"
            )
        return value

    def identity(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return `settings` under the names that the hashes of earlier versions have.

        Of a list of GPUs, only their number can change the results.
        """
        earlier = {new: old for old, new in EARLIER_NAMES.items()}
        found = {earlier.get(key, key): value for key, value in settings.items()}
        if isinstance(self.devices, list):
            found["devices"] = len(self.devices)
        if found.get("devices") == 1:
            del found["devices"]
        return found

    @property
    def devices_per_node(self) -> int:
        """The number of processes on each node."""
        return len(self.devices) if isinstance(self.devices, list) else int(self.devices)

    @property
    def uses_ddp(self) -> bool:
        """Whether gradients are averaged over processes by DistributedDataParallel."""
        return self.strategy == "ddp" or self.processes > 1

    @property
    def processes(self) -> int:
        """The number of processes that train together, on all nodes."""
        return self.devices_per_node * self.num_nodes
