"""The configuration: its schema, its validation, and the identity of a run; imports no torch."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cnncompare.errors import ConfigError, closest

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Pixels = Annotated[int, Field(ge=8, le=1024)]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, types are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())


class LearningRates(Section):
    """The model's own learning rate for each optimizer, at batch size 128."""

    sgd: Positive
    adamw: Positive


class ModelConfig(Section):
    """Which network, and how its front is adapted to the images."""

    name: Word
    source: Literal["own", "torchvision", "timm"]
    stem: Literal["auto", "imagenet", "cifar"] = "auto"
    weights: str | None = None
    weights_map: Literal["by_name", "by_order"] = "by_name"  # by_order: a file with other names
    freeze: Literal["none", "backbone"] = "none"  # backbone: only the head is trained
    head_lr: Positive | None = None  # of the head's parameters; null is optimizer.lr
    options: dict[str, Any] = {}  # keyword arguments of the network's builder
    lr: LearningRates  # what conf/optimizer reads; not part of the identity
    module: str | None = None  # a user's own module, beside their ./conf, that registers the model

    @model_validator(mode="after")
    def _frozen_weights_come_from_somewhere(self) -> "ModelConfig":
        if self.freeze == "backbone" and self.weights is None:
            raise ValueError(
                "model.freeze=backbone would keep random weights; name model.weights, for example "
                "IMAGENET1K_V1"
            )
        return self


class AugmentConfig(Section):
    """What is done to training images; every draw is per image, mixing per batch."""

    crop_padding: Annotated[int, Field(ge=0, le=64)] = 0  # pixels, filled with zeros
    flip: bool = False  # horizontal, probability 0.5
    policy: Literal["randaugment", "trivialaugment"] | None = None
    erase: Annotated[float, Field(ge=0, le=1)] = 0.0  # probability of random erasing
    mix: Literal["mixup", "cutmix"] | None = None
    mix_alpha: Positive = 1.0


class TorchvisionConfig(Section):
    """A class of torchvision.datasets and the arguments of its two parts."""

    dataset: str
    train: dict[str, Any]
    test: dict[str, Any]


class SyntheticConfig(Section):
    """Seeded images whose classes can be learned."""

    classes: Annotated[int, Field(ge=2, le=1000)] = 10
    n_train: Count = 1000
    n_test: Count = 200
    noise: NotNegative = 0.25  # sd of the pixel noise, in units of the full range


class DataConfig(Section):
    """Which images, how they are split, and how a batch is made of them."""

    name: Word
    source: Literal["torchvision", "digits", "folder", "synthetic", "imagenet"]
    root: str | None = None  # folder of the class-folder tree, or where downloads are kept
    torchvision: TorchvisionConfig | None = None
    synthetic: SyntheticConfig | None = None
    image_size: Pixels | None = None  # null is the data's own; of imagenet, the weights' own crop
    resize: Pixels | None = None  # shorter side before the centre is cut; null is image_size
    interpolation: Interpolation | None = None  # null is bilinear; of imagenet, the weights' own
    channels: Literal[1, 3] | None = None  # null is the data's own
    batch_size: Count = 128  # global: divided over the devices
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1
    split_seed: Annotated[int, Field(ge=0)] = 0
    protocol: Literal["holdout", "test_as_val"] = "holdout"
    limit_train: Count | None = None  # images, stratified
    limit_val: Count | None = None
    limit_test: Count | None = None
    subset: Count | None = None  # what conf/data/imagenet_val.yaml limits the test images to
    mask_classes: bool = False  # choose among the classes that the test images have
    damaged: Literal["stop", "wrong", "leave_out"] = "stop"  # a test image that cannot be read
    normalize: Literal["train", "weights", "imagenet", "half", "cifar10", "none"] = "train"
    augment: AugmentConfig = AugmentConfig()
    workers: Annotated[int, Field(ge=0)] | None = None  # decoding processes; null is one per core
    cache_dir: str = "~/.cache/cnncompare"
    cache_limit_gib: NotNegative = 4.0  # larger decoded sets are read by workers instead

    @model_validator(mode="after")
    def _has_what_its_source_needs(self) -> "DataConfig":
        if self.source == "folder" and not self.root:
            raise ValueError(
                "data=folder needs data.root=PATH, a folder with train/CLASS/ and test/CLASS/"
            )
        if self.source == "torchvision" and self.torchvision is None:
            raise ValueError("source=torchvision needs data.torchvision.dataset")
        if self.source == "imagenet" and not self.root:
            raise ValueError(
                "data=imagenet_val needs data.root=PATH, the folder with the validation images "
                "(docs/imagenet.md lists the layouts)"
            )
        return self

    @model_validator(mode="after")
    def _asks_what_its_source_can(self) -> "DataConfig":
        scaled = self.resize is not None or self.interpolation is not None
        if scaled and self.source not in ("folder", "imagenet"):
            raise ValueError(
                "data.resize and data.interpolation are for image files, data=folder and "
                f"data=imagenet_val; data={self.name} has data.image_size alone"
            )
        if scaled and self.source == "folder" and self.image_size is None:
            raise ValueError("data.resize needs data.image_size=PIXELS, what is cut out of it")
        if self.resize is not None and self.resize < (self.image_size or 0):
            raise ValueError(
                f"data.image_size={self.image_size} cannot be cut out of "
                f"data.resize={self.resize}; resize to {self.image_size} or more"
            )
        if self.subset != self.limit_test and self.subset is not None:
            raise ValueError(f"data.subset={self.subset}: data={self.name} has data.limit_test")
        if self.mask_classes and self.source != "imagenet":
            raise ValueError("data.mask_classes=true is for data=imagenet_val and its likes")
        return self


class LossConfig(Section):
    """Cross entropy."""

    label_smoothing: Share = 0.0


class SGDConfig(Section):
    """torch.optim.SGD."""

    name: Literal["sgd"]
    lr: Positive
    momentum: Share = 0.9
    nesterov: bool = True
    weight_decay: NotNegative = 5e-4
    decay_norm_and_bias: bool = True

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "SGDConfig":
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0: set optimizer.nesterov=false")
        return self


class AdamWConfig(Section):
    """torch.optim.AdamW."""

    name: Literal["adamw"]
    lr: Positive
    beta1: Share = 0.9
    beta2: Share = 0.999
    weight_decay: NotNegative = 0.05
    decay_norm_and_bias: bool = False


class ConstantConfig(Section):
    """The learning rate stays."""

    name: Literal["constant"]
    warmup_epochs: NotNegative = 0.0


class CosineConfig(Section):
    """Half a cosine from the learning rate to `final_lr_ratio` of it."""

    name: Literal["cosine"]
    warmup_epochs: NotNegative = 0.0
    final_lr_ratio: Annotated[float, Field(ge=0, le=1)] = 0.0


class OneCycleConfig(Section):
    """Up to the learning rate and down again."""

    name: Literal["onecycle"]
    rise_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.3
    start_lr_ratio: Annotated[float, Field(gt=0, le=1)] = 0.04
    final_lr_ratio: Annotated[float, Field(ge=0, le=1)] = 4e-6


class MultiStepConfig(Section):
    """The learning rate times `gamma` at each milestone."""

    name: Literal["multistep"]
    milestones: list[Annotated[float, Field(gt=0, lt=1)]] = [0.5, 0.75]  # fractions of the training
    gamma: Annotated[float, Field(gt=0, lt=1)] = 0.1
    warmup_epochs: NotNegative = 0.0


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


class TensorBoardConfig(Section):
    """Event files in the run's folder."""


class CSVConfig(Section):
    """csv/metrics.csv in the run's folder."""


class MLflowConfig(Section):
    """An MLflow tracking server or file store; needs the extra `mlflow`."""

    tracking_uri: str
    experiment_name: str


class WandbConfig(Section):
    """Weights & Biases; needs the extra `wandb`."""

    project: str
    mode: Literal["offline", "online"] = "offline"  # online sends data away, so it is asked for


class LoggerConfig(Section):
    """Which loggers are on."""

    tensorboard: TensorBoardConfig | None = None
    csv: CSVConfig | None = None
    mlflow: MLflowConfig | None = None
    wandb: WandbConfig | None = None


class CallbacksConfig(Section):
    """What is shown and drawn beside the measurements, which are always taken."""

    progress: Literal["auto", "bar", "lines", "off"] = "auto"  # auto: a bar on a terminal
    confusion_matrix: bool = True
    worst_mistakes: Annotated[int, Field(ge=0, le=100)] = 25  # test images shown; 0 draws none


class SweepConfig(Section):
    """How the jobs of -m are run, and which; no part of a run's identity."""

    workers: Literal["auto"] | Count = "auto"  # jobs at a time; auto: one per GPU, on a CPU one
    timeout_s: Positive | None = None  # a job that takes longer is stopped and counts as failed
    jobs: list[str] = []  # each a line of words, crossed with what the command line sweeps
    skip: list[str] = []  # a job that every word of a line fits is left out; words may have *


class Config(Section):
    """The whole configuration of one run, validated and frozen."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    output_root: str = "outputs"
    name: Word = "default"
    force: bool = False
    model: ModelConfig
    data: DataConfig
    loss: LossConfig = LossConfig()
    optimizer: Annotated[SGDConfig | AdamWConfig, Field(discriminator="name")]
    scheduler: Annotated[
        ConstantConfig | CosineConfig | OneCycleConfig | MultiStepConfig,
        Field(discriminator="name"),
    ]
    trainer: TrainerConfig = TrainerConfig()
    logger: LoggerConfig = LoggerConfig()
    callbacks: CallbacksConfig = CallbacksConfig()
    sweep: SweepConfig = SweepConfig()

    @field_validator("output_root")
    @classmethod
    def _is_a_path(cls, path: str) -> str:
        if not path.strip():
            raise ValueError("output_root is empty; give a folder, such as outputs")
        return path

    @model_validator(mode="after")
    def _batch_divides(self) -> "Config":
        batch_size, devices = self.data.batch_size, self.trainer.processes
        if batch_size % devices:
            lower = batch_size - batch_size % devices
            near = f"{lower} or {lower + devices}" if lower else str(devices)
            nodes = f" on trainer.nodes={self.trainer.nodes}" if self.trainer.nodes > 1 else ""
            asked = f"trainer.devices={self.trainer.devices}{nodes}"
            raise ValueError(
                f"data.batch_size={batch_size} does not divide over {asked}; {near} would"
            )
        return self

    @model_validator(mode="after")
    def _tests_where_it_cannot_train(self) -> "Config":
        if self.data.source == "imagenet" and self.trainer.max_epochs > 0:
            raise ValueError(
                f"data={self.data.name} has no training images: trainer.max_epochs="
                f"{self.trainer.max_epochs} must be 0, as in experiment=imagenet_val"
            )
        if self.data.damaged != "stop" and self.trainer.max_epochs > 0:
            raise ValueError(
                f"data.damaged={self.data.damaged} is for tests of given weights, with "
                "trainer.max_epochs=0; replace or remove what cannot be read before training"
            )
        return self

    @property
    def trains(self) -> bool:
        """Whether the run trains; else it tests the weights as they are."""
        return self.trainer.max_epochs > 0

    @model_validator(mode="after")
    def _warmup_fits(self) -> "Config":
        warmup = getattr(self.scheduler, "warmup_epochs", 0.0)
        if warmup >= self.trainer.max_epochs > 0 and warmup > 0:
            raise ValueError(
                f"scheduler.warmup_epochs={warmup:g} leaves nothing of "
                f"trainer.max_epochs={self.trainer.max_epochs}; give fewer"
            )
        return self

    def identity(self) -> dict[str, Any]:
        """Return what makes this run this run: all that can change its numbers, defaults left out.

        Where results go, what is shown, and where files are cached are not part of it. Values
        equal to the schema's default are left out, so that a later option with a default keeps
        the identity of the runs made before it.
        """
        asked = self.model_dump(
            exclude_defaults=True,
            exclude={
                "output_root": True,
                "name": True,
                "force": True,
                "logger": True,
                "callbacks": True,
                "sweep": True,
                "model": {"lr"},
                "data": {"workers", "cache_dir", "cache_limit_gib", "subset"},
                **({} if self.trains else {"optimizer": True, "scheduler": True, "loss": True}),
            },
        )
        if self.data.source in ("folder", "imagenet"):
            asked["data"]["root"] = os.path.abspath(os.path.expanduser(self.data.root or ""))
        else:
            asked["data"].pop("root", None)  # only where downloads are kept
        return asked

    def hash(self) -> str:
        """Return the SHA-256 of the identity, as 64 hexadecimal digits."""
        canonical = json.dumps(self.identity(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def recipe_hash(self) -> str:
        """Return the hash of everything but the seed: runs that share it may be averaged."""
        return self.model_copy(update={"seed": 0}).hash()

    def run_id(self) -> str:
        """Return the name of the run's folder."""
        return (
            f"{self.model.name}-{self.data.name}-e{self.trainer.max_epochs}"
            f"-d{self.trainer.processes}-s{self.seed}-{self.hash()[:8]}"
        )

    def run_folder(self) -> Path:
        """Return the absolute folder of the run; nothing is made."""
        root = Path(os.path.abspath(os.path.expanduser(self.output_root)))
        return root / self.name / self.run_id()


def validate(composed: DictConfig | Mapping[str, Any]) -> Config:
    """Return the typed configuration of what Hydra composed.

    Raises ConfigError with one line that names the key, what was found and what would be right.
    """
    if isinstance(composed, DictConfig):
        try:
            values: Any = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
        except OmegaConfBaseException as error:
            raise ConfigError(f"{str(error).splitlines()[0]} (key {error.full_key})") from None
    else:
        values = dict(composed)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_first_problem(error)) from None


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    path = [str(part) for part in problem["loc"]]
    _, where = _schema_at(path)
    key = ".".join(where)
    found = f"{key}={problem['input']!r}"
    match problem["type"]:
        case "extra_forbidden":
            return unknown_key(where)
        case "missing":
            return f"{key} is missing"
        case "value_error":
            return problem["msg"].removeprefix("Value error, ")
        case "union_tag_invalid":
            return f"{key}: {problem['msg']}"
        case _:
            message = problem["msg"]
            return f"{found}: {message[0].lower()}{message[1:]}"


def unknown_key(path: list[str]) -> str:
    """Return the line for a key that the schema does not have, with those it has instead."""
    for depth, part in enumerate(path):
        section, _ = _schema_at(path[: depth + 1])
        known = sorted(section.model_fields) if section else []
        if part not in known:
            key = ".".join(path[: depth + 1])
            return f"unknown key {key}{closest(part, known)} (known: {', '.join(known)})"
    return f"unknown key {'.'.join(path)}"


def _schema_at(path: list[str]) -> tuple[type[Section] | None, list[str]]:
    """Follow `path` through the schema; return the innermost section and the path as typed."""
    section: type[Section] | None = Config
    typed: list[str] = []
    for depth, part in enumerate(path):
        if typed in (["optimizer"], ["scheduler"]) and part in _TAGGED:
            section = _TAGGED[part]  # pydantic inserts the tag of a union into the path
            continue
        typed.append(part)
        if depth < len(path) - 1 and section is not None:
            section = _subsection(section, part)
    return section, typed


def _subsection(section: type[Section], name: str) -> type[Section] | None:
    field = section.model_fields.get(name)
    candidates = [field.annotation, *getattr(field.annotation, "__args__", ())] if field else []
    for kind in candidates:
        if isinstance(kind, type) and issubclass(kind, Section):
            return kind
    return None


_TAGGED: dict[str, type[Section]] = {
    "sgd": SGDConfig,
    "adamw": AdamWConfig,
    "constant": ConstantConfig,
    "cosine": CosineConfig,
    "onecycle": OneCycleConfig,
    "multistep": MultiStepConfig,
}
