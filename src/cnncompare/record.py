"""The run record's schema: every key of run.json, null until it was measured; imports no torch."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["running", "finished", "failed", "interrupted"]


class Part(BaseModel):
    """A section of run.json: its keys are exact, and null where nothing was measured."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), validate_assignment=True)


class Failure(Part):
    """Why a run did not finish."""

    type: str
    message: str


class ModelPart(Part):
    """The network: counts as built for this data; `macs` for one image."""

    name: str
    source: str
    stem: str
    pretrained: str | None = None  # the version of the weights
    params: int | None = None
    macs: int | None = None
    size_mb: float | None = None  # of the saved weights, 10^6 bytes
    input_size: list[int]  # [C, H, W]


class DataPart(Part):
    """The images; the fingerprint tells two test sets apart."""

    name: str
    classes: int
    n_train: int | None = None
    n_val: int | None = None
    n_test: int
    fingerprint: str


class TrainingPart(Part):
    """How the network was trained, and what the choice of the epoch rests on."""

    seed: int
    max_epochs: int
    epochs_done: int
    batch_size: int  # global
    devices: int  # on all nodes
    accelerator: str  # the one in use: cpu, cuda, mps
    strategy: str
    precision: str
    optimizer: str
    lr: float
    scheduler: str
    weight_decay: float
    label_smoothing: float
    protocol: str  # holdout, test_as_val
    selection: str  # on which images the epoch was chosen
    test_reads: int  # how often the test set was read
    val_fraction: float
    split_seed: int
    image_size: int
    normalize: str
    mean: list[float]
    std: list[float]
    augment: dict[str, Any]
    model_changes: list[str]  # what differs from the published network
    freeze: str = "none"  # backbone: only the head was trained
    head_lr: float | None = None  # null: lr
    ema_decay: float | None
    gradient_clip_norm: float | None
    channels_last: bool
    compile: bool
    matmul_precision: str
    deterministic: bool
    clocks_shared: bool = False  # other jobs of its sweep ran beside it
    recipe_hash: str  # the configuration's hash without the seed: runs that differ by seed share it


class BestPart(Part):
    """The epoch that was chosen, counted from 1."""

    epoch: int | None = None
    val_acc1: float | None = None


class TestPart(Part):
    """The test set, read with the chosen weights, each image once."""

    acc1: float | None = None
    acc5: float | None = None
    loss: float | None = None
    n: int | None = None
    correct1: int | None = None
    correct5: int | None = None


class TimingPart(Part):
    """Medians over the epochs, the first left out when there are more."""

    epoch_s: float | None = None  # train_s + val_s
    train_s: float | None = None
    val_s: float | None = None
    data_wait_s: float | None = None
    images_per_s: float | None = None
    time_to_best_s: float | None = None  # train and val seconds up to the chosen epoch's end


class MemoryPart(Part):
    """Peaks of the run's first process and of its device."""

    peak_rss_mib: float | None = None
    peak_gpu_mib: float | None = None


class EnvironmentPart(Part):
    """What the numbers were measured on."""

    python: str
    torch: str
    torchvision: str
    pytorch_lightning: str
    cnncompare: str
    os: str
    cpu: str
    threads: int
    gpu: str | None
    git_commit: str | None
    git_dirty: bool | None
    argv: list[str]


class RunRecord(Part):
    """run.json, whole."""

    schema_: Literal[1] = 1
    id: str
    label: str
    name: str
    status: Status = "running"
    error: Failure | None = None
    started_at: str  # ISO 8601, UTC
    finished_at: str | None = None
    wall_s: float | None = None
    config_hash: str
    model: ModelPart | None = None
    data: DataPart | None = None
    training: TrainingPart | None = None
    best: BestPart = BestPart()
    test: TestPart = TestPart()
    timing: TimingPart = TimingPart()
    memory: MemoryPart = MemoryPart()
    environment: EnvironmentPart | None = None

    model_config = ConfigDict(
        extra="forbid",
        protected_namespaces=(),
        validate_assignment=True,
        alias_generator=lambda name: name.rstrip("_"),
        populate_by_name=True,
    )
