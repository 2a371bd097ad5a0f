"""Schema of the whole configuration of a run, and its identity."""

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from cnncompare.config.budget import BudgetConfig
from cnncompare.config.callbacks import AugmentationsConfig, CallbacksConfig, MetricsConfig
from cnncompare.config.data import DOWNLOADING_SOURCES, LARGEST_BATCH, DataConfig
from cnncompare.config.extension import Own, OwnSection
from cnncompare.config.fast_settings import replace_auto
from cnncompare.config.model import ModelConfig
from cnncompare.config.optimization import (
    AnyLossConfig,
    LossConfig,
    OptimizerConfig,
    SchedulerConfig,
)
from cnncompare.config.options import not_in_identity
from cnncompare.config.output import DisplayConfig, LoggerConfig
from cnncompare.config.section import (
    DESCRIBED,
    NEITHER,
    PROTOCOL,
    TRAINING,
    TRAINING_PROTOCOL,
    Name,
    Option,
    Section,
)
from cnncompare.config.sweep import SweepConfig
from cnncompare.config.trainer import TrainerConfig
from cnncompare.config.trial import TrialConfig
from cnncompare.config.tuning import TuningConfig
from cnncompare.extensions.kinds import (
    DATA_SOURCES,
    LOGGERS,
    LOSSES,
    MODELS,
    OPTIMIZERS,
    SCHEDULERS,
)
from cnncompare.extensions.modules import module_sha256


class Config(Section):
    """The whole configuration of one run, validated and frozen."""

    # initialisation, order, augmentation and dropout
    seed: Annotated[int, Field(ge=0, lt=2**32), Option("repetition")] = 0
    output_root: Annotated[str, NEITHER] = "outputs"  # folder of the experiments
    name: Annotated[Name, NEITHER] = "default"  # of the experiment
    force: Annotated[bool, NEITHER] = False  # run again, even if finished
    # false: train and validate, but do not evaluate the test set
    test: Annotated[bool, Option(scope="training", key="")] = True
    model: ModelConfig
    data: DataConfig
    augmentations: Annotated[AugmentationsConfig, Option(scope="training", key="")] = (
        AugmentationsConfig()
    )
    loss: Annotated[AnyLossConfig, TRAINING] = LossConfig()
    optimizer: Annotated[OptimizerConfig, TRAINING]
    scheduler: Annotated[SchedulerConfig, TRAINING]
    trainer: TrainerConfig = TrainerConfig()
    budget: Annotated[BudgetConfig, TRAINING_PROTOCOL] = BudgetConfig()
    tuning: Annotated[TuningConfig, TRAINING_PROTOCOL] = TuningConfig()
    callbacks: Annotated[CallbacksConfig, PROTOCOL] = CallbacksConfig()
    metrics: Annotated[MetricsConfig, DESCRIBED] = MetricsConfig()
    # of the console and its figures; files that programs read stay English
    language: Annotated[Literal["en", "ko"], NEITHER] = "en"
    logger: Annotated[LoggerConfig, NEITHER] = LoggerConfig()
    display: Annotated[DisplayConfig, NEITHER] = DisplayConfig()
    sweep: Annotated[SweepConfig, NEITHER] = SweepConfig()
    # the claim that the runs of cnncompare trial are about
    trial: Annotated[TrialConfig | None, NEITHER] = None
    _module_sha256: dict[str, str | None] = PrivateAttr(default={})

    def model_post_init(self, context: Any, /) -> None:
        """Hash the users' modules once, so that a run's identity stays the same."""
        modules = sorted({own.module for own in self.own_components()})
        self._module_sha256 = {module: module_sha256(module) for module in modules}

    @model_validator(mode="before")
    @classmethod
    def _replace_auto(cls, values: Any) -> Any:
        return replace_auto(values)

    @field_validator("output_root")
    @classmethod
    def _check_output_root(cls, path: str) -> str:
        if not path.strip():
            raise ValueError("output_root is empty; give a folder, such as outputs")
        return path

    @model_validator(mode="after")
    def _check_batch_size(self) -> "Config":
        parts, batch_size, requested = self.micro_batches, self.data.batch_size, ""
        if batch_size == "auto":
            batch_size, requested = LARGEST_BATCH, f"auto ({LARGEST_BATCH})"
        if batch_size % parts:
            lower = batch_size - batch_size % parts
            near = f"{lower} or {lower + parts}" if lower else str(parts)
            raise ValueError(
                f"data.batch_size={requested or batch_size} is not divisible by "
                f"{self._divisors()}; use {near}"
            )
        return self

    @property
    def micro_batches(self) -> int:
        """The number of shares into which a batch is divided, over devices and in time."""
        return self.trainer.processes * self.trainer.accumulate_grad_batches

    def _divisors(self) -> str:
        trainer = self.trainer
        values = {
            "devices": trainer.devices,
            "num_nodes": trainer.num_nodes,
            "accumulate_grad_batches": trainer.accumulate_grad_batches,
        }
        named = [f"trainer.{name}={value}" for name, value in values.items() if value != 1]
        return " times ".join(named)

    @model_validator(mode="after")
    def _check_training_data(self) -> "Config":
        if self.data.source == "imagenet" and self.trains:
            epochs = self.trainer.max_epochs
            raise ValueError(
                f"data={self.data.name} has no training images: trainer.max_epochs="
                f"{'null' if epochs is None else epochs} must be 0, as in experiment=imagenet_val"
            )
        if self.data.on_corrupt_image != "error" and self.trains:
            raise ValueError(
                f"data.on_corrupt_image={self.data.on_corrupt_image} is for tests of pretrained "
                "weights, with trainer.max_epochs=0; to train, replace or remove corrupt images"
            )
        if not self.test and not self.trains:
            raise ValueError(
                "test=false and trainer.max_epochs=0: nothing would be trained or tested; leave "
                "out one of them"
            )
        if self.data.resamples and not self.trains:
            raise ValueError(
                "trainer.max_epochs=0 trains nothing, and folds and hold-outs divide images for "
                "training; test the weights on the data set's own test split"
            )
        return self

    @model_validator(mode="after")
    def _check_budget(self) -> "Config":
        if not self.budget.is_set:
            return self
        default, epochs = TrainerConfig.model_fields["max_epochs"].default, self.trainer.max_epochs
        steps, partial = self.trainer.max_steps, self.trainer.partial_options
        if steps is not None or partial:
            other = f"trainer.max_steps={steps}" if steps is not None else partial[0]
            raise ValueError(
                f"{self.budget.override} chooses a number of whole epochs, which {other} changes; "
                "use one of them"
            )
        if epochs != default:
            raise ValueError(
                f"{self.budget.override} chooses the epochs, and trainer.max_epochs={epochs} fixes "
                f"them; leave it out (or set it to {default}, its default, if an experiment sets "
                "it)"
            )
        return self

    def with_epochs(self, max_epochs: int | None = None) -> "Config":
        """Return a copy with the epochs that a budget chose, or with the schema's default.

        The identity of a configuration with a budget stays the same.
        """
        default = TrainerConfig.model_fields["max_epochs"].default
        epochs = default if max_epochs is None else max_epochs
        trainer = self.trainer.model_copy(update={"max_epochs": epochs})
        return self.model_copy(update={"trainer": trainer})

    @property
    def known_epochs(self) -> int | None:
        """The number of epochs; None if a budget or the number of steps determines it later."""
        return None if self.budget.is_set else self.trainer.planned_epochs

    @property
    def trains(self) -> bool:
        """Whether the run trains; otherwise it tests the weights as they are."""
        return self.trainer.max_epochs != 0

    @property
    def balances_classes(self) -> bool:
        """Whether the training favours small classes over the accuracy on all images."""
        return self.data.balance or self.loss.class_weights != "none"

    @model_validator(mode="after")
    def _check_warmup(self) -> "Config":
        warmup = getattr(self.scheduler, "warmup_epochs", 0.0)
        epochs = None if self.budget.is_set else self.trainer.max_epochs
        if epochs and warmup >= epochs and not self.trainer.fast_dev_run:
            raise ValueError(
                f"scheduler.warmup_epochs={warmup:g} must be less than "
                f"trainer.max_epochs={self.trainer.max_epochs}"
            )
        return self

    @model_validator(mode="after")
    def _check_averaging(self) -> "Config":
        if self.callbacks.swa is not None and self.trainer.ema_decay is not None:
            raise ValueError(
                f"callbacks=swa and trainer.ema_decay={self.trainer.ema_decay:g} both average the "
                "weights; use one of them"
            )
        return self

    def own_components(self) -> list[Own]:
        """Return the components that users' modules register."""
        model, data = self.model, self.data
        found = []
        if model.module is not None:
            found.append(Own(MODELS, model.name, model.module, "model.module", model.options))
        if data.module is not None:
            found.append(Own(DATA_SOURCES, data.source, data.module, "data.module", data.options))
        chosen = ((LOSSES, self.loss), (OPTIMIZERS, self.optimizer), (SCHEDULERS, self.scheduler))
        found += [c.own(registry) for registry, c in chosen if isinstance(c, OwnSection)]
        sections = ("augmentations", "callbacks", "metrics", "logger")
        return [*found, *(own for name in sections for own in getattr(self, name).own(name))]

    def module_sha256(self, module: str) -> str | None:
        """Return the SHA-256 of a user's module when the configuration was made."""
        return self._module_sha256.get(module)

    def identity(self) -> dict[str, Any]:
        """Return the settings that can change the run's numbers, without defaults.

        Defaults of the schema are omitted so that a new option does not change the identity of
        earlier runs.
        """
        settings = self.model_dump(
            exclude_defaults=True, exclude=not_in_identity(self, trains=self.trains)
        )
        hashes = {
            own.module: self.module_sha256(own.module)
            for own in self.own_components()
            if own.registry is not LOGGERS
        }
        if hashes:
            settings["modules"] = hashes
        settings["data"].update(self.data.file_identity())
        trainer = self.trainer.identity(settings.pop("trainer", {}))
        if self.budget.is_set:
            trainer.pop("max_epochs", None)  # chosen on the machine that starts the run
        if trainer:  # without it, as in earlier versions, if all is default
            settings["trainer"] = trainer
        if not settings.get("callbacks", True):  # only those that change no number are enabled
            del settings["callbacks"]
        if self.data.source in DOWNLOADING_SOURCES:
            settings["data"].pop("root", None)  # only the folder of the downloads
        return settings

    def hash(self) -> str:
        """Return the SHA-256 of the identity, as 64 hexadecimal digits."""
        canonical = json.dumps(self.identity(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def recipe_hash(self) -> str:
        """Return the hash of the identity without the seed and the number of fold or hold-out.

        Runs that share it can be averaged.
        """
        first = {"fold": self.data.fold and 1, "holdout": self.data.holdout and 1}
        data = self.data.model_copy(update=first)
        return self.model_copy(update={"seed": 0, "data": data}).hash()

    def run_id(self) -> str:
        """Return the name of the run's folder."""
        epochs, budget = self.trainer.planned_epochs, self.budget
        length = f"steps{self.trainer.max_steps}" if epochs is None else f"e{epochs}"
        if budget.is_set:
            length = budget.run_id_part
        return (
            f"{self.model.name}-{self.data.name}-{length}"
            f"-d{self.trainer.processes}-s{self.seed}-{self.hash()[:8]}"
        )

    def run_folder(self) -> Path:
        """Return the absolute path of the run's folder, without creating it."""
        root = Path(os.path.abspath(os.path.expanduser(self.output_root)))
        return root / self.name / self.run_id()
