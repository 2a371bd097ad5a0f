"""Options of the trainer: duration, devices, precision and speed.

A name that PyTorch Lightning's Trainer has too has its meaning there.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

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
from cnncompare.config.trainer_values import (
    BatchLimit,
    Duration,
    FastDevRun,
    MatmulPrecision,
    OverfitBatches,
    Precision,
    Steps,
    Switch,
)
from cnncompare.system.gpus import count_cuda_gpus

# keys in the files of earlier versions, whose hashes and records keep these names
EARLIER_NAMES = {"nodes": "num_nodes", "gradient_clip_norm": "gradient_clip_val"}  # old names
DEFAULT_EPOCHS = 25
# options with which a run trains or validates on fewer images than the data set has
_PARTIAL = ("fast_dev_run", "limit_train_batches", "limit_val_batches", "overfit_batches")
_LIMIT = Option(scope="training", omitted=True)
_PROTOCOL_LIMIT = Option("protocol", scope="training", omitted=True)


def contradicting_lengths(steps: object, epochs: object) -> str:
    """Return the message for a training with two lengths."""
    return (
        f"trainer.max_steps={steps} and trainer.max_epochs={epochs} are two lengths of one "
        "training; use one of them"
    )


def _has_duplicates(numbers: list[int]) -> bool:
    return len(set(numbers)) < len(numbers)


class TrainerConfig(Section):
    """Duration, devices, precision and speed settings of a training."""

    # 0: no training, only a test of the weights; null: as many as max_steps takes
    max_epochs: Annotated[
        NotNegativeCount | None, Option("protocol", "training", table_key="epochs")
    ] = DEFAULT_EPOCHS
    # optimizer steps, instead of max_epochs
    max_steps: Annotated[Steps, _PROTOCOL_LIMIT] = None
    # of the training: DD:HH:MM:SS, or {hours: 1, minutes: 30}
    max_time: Annotated[Duration, _LIMIT] = None
    # per node: a number, auto (all GPUs, or one CPU process), or numbers of GPUs such as [0,2]
    devices: Annotated[Count | list[NotNegativeCount] | Literal["auto"], PROTOCOL] = 1
    # more than one is started by torchrun or Slurm
    num_nodes: Annotated[Count, Option(key="nodes")] = 1
    # auto: a GPU if there is one
    accelerator: Annotated[Literal["auto", "cpu", "gpu", "mps"], PROTOCOL] = "auto"
    # auto: ddp with several processes; ddp computes the same numbers
    strategy: Annotated[Literal["auto", "ddp"], NEITHER] = "auto"
    # bf16 and fp16 are faster on hardware that supports them; auto, here and below: what is fastest
    # on this processor or GPU (config.fast_settings)
    precision: Annotated[Precision, PROTOCOL] = "32-true"
    # micro-batches of each batch, which are processed one after the other
    accumulate_grad_batches: Annotated[Count, _PROTOCOL_LIMIT] = 1
    # largest norm of a gradient
    gradient_clip_val: Annotated[
        Positive | None, Option(scope="training", key="gradient_clip_norm")
    ] = None
    # validate and test a moving average of the weights; null: the weights themselves
    ema_decay: Annotated[Annotated[float, Field(gt=0, lt=1)] | None, TRAINING] = None
    channels_last: Annotated[Switch, PROTOCOL] = False  # memory format of images and weights
    compile: Annotated[bool, PROTOCOL] = False  # with torch.compile
    trim_kernels: Annotated[Switch, PROTOCOL] = (
        False  # remove kernel taps that only ever meet padding
    )
    # high: TF32 on recent GPUs
    matmul_precision: Annotated[MatmulPrecision, PROTOCOL] = "highest"
    deterministic: Switch = True  # repeated runs on one machine agree exactly
    # validation batches before the first epoch, so that an error in validation appears at once
    num_sanity_val_steps: Annotated[Annotated[int, Field(ge=-1)], NEITHER] = 0  # -1: all
    # epochs from one validation to the next
    check_val_every_n_epoch: Annotated[Count, _PROTOCOL_LIMIT] = 1
    # one epoch with so many batches of each split, as a check; true: one batch
    fast_dev_run: Annotated[FastDevRun, _LIMIT] = 0
    # per epoch: a number of batches, or a share of them
    limit_train_batches: Annotated[BatchLimit, _LIMIT] = None
    limit_val_batches: Annotated[BatchLimit, _LIMIT] = None  # likewise, per validation
    # train on the same batches in each epoch: their number or share
    overfit_batches: Annotated[OverfitBatches, _LIMIT] = None
    # write the time of each function into the run's folder
    profiler: Annotated[Literal["simple", "advanced", "pytorch"] | None, NEITHER] = None
    # CPU threads per device; null: the cores divided by the devices
    threads: Annotated[Count | None, DESCRIBED] = None

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, values: Any) -> Any:
        """Accept the names of earlier versions, and replace what stands for another value.

        These are devices=auto, and the epochs of a training that max_steps ends.
        """
        if not isinstance(values, Mapping):
            return values
        resolved = {  # a name is kept, and refused later, if the new one is there as well
            key if EARLIER_NAMES.get(key, key) in values else EARLIER_NAMES.get(key, key): value
            for key, value in values.items()
        }
        if resolved.get("devices") == "auto":
            on_gpu = resolved.get("accelerator", "auto") in ("auto", "gpu")
            resolved["devices"] = max(1, count_cuda_gpus()) if on_gpu else 1
        has_steps = resolved.get("max_steps") not in (None, -1)
        epochs = resolved.get("max_epochs", DEFAULT_EPOCHS)
        if epochs in ((DEFAULT_EPOCHS, -1) if has_steps else (-1,)):
            resolved["max_epochs"] = None
        return resolved

    @model_validator(mode="after")
    def _check_length(self) -> "TrainerConfig":
        epochs, steps, every = self.max_epochs, self.max_steps, self.check_val_every_n_epoch
        if epochs is None and steps is None:
            raise ValueError(
                "trainer.max_epochs=null trains without an end; give it a number, or give "
                "trainer.max_steps"
            )
        if epochs is not None and steps is not None:
            raise ValueError(contradicting_lengths(steps, epochs))
        if epochs and every > epochs and not self.fast_dev_run:
            raise ValueError(
                f"trainer.check_val_every_n_epoch={every} never validates in "
                f"trainer.max_epochs={epochs}; use at most {epochs}"
            )
        return self

    @model_validator(mode="after")
    def _check_limits(self) -> "TrainerConfig":
        if self.fast_dev_run and self.max_epochs == 0:
            raise ValueError(
                f"trainer.fast_dev_run={self.fast_dev_run} trains, and trainer.max_epochs=0 does "
                "not; to test on fewer images use data.limit_test"
            )
        for name in ("limit_train_batches", "limit_val_batches"):
            limit = getattr(self, name)
            if limit is not None and self.overfit_batches is not None:
                raise ValueError(
                    f"trainer.{name}={limit} and trainer.overfit_batches={self.overfit_batches} "
                    "limit the same batches; use one of them"
                )
        return self

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
    def planned_epochs(self) -> int | None:
        """The number of epochs, None if it follows from `max_steps` and the number of images."""
        return 1 if self.fast_dev_run else self.max_epochs

    @property
    def train_limit(self) -> int | float:
        """The number of batches per epoch, or the share of all, 1.0 without a limit."""
        return self.fast_dev_run or self.overfit_batches or self.limit_train_batches or 1.0

    @property
    def val_limit(self) -> int | float:
        """The number of batches per validation, or the share of all, 1.0 without a limit."""
        return self.fast_dev_run or self.overfit_batches or self.limit_val_batches or 1.0

    @property
    def partial_options(self) -> list[str]:
        """The options with which the result is that of a part of the images."""
        values = {name: getattr(self, name) for name in _PARTIAL}
        return [f"trainer.{name}={value}" for name, value in values.items() if value]

    @property
    def shortening_options(self) -> list[str]:
        """The options that make a result incomparable, or make it so if they end the training."""
        limit = [] if self.max_time is None else [f"trainer.max_time={self.max_time}"]
        return [*self.partial_options, *limit]

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
