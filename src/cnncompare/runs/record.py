"""The run record's schema: every key of run.json, null until it was measured; imports no torch."""

from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

Status = Literal["running", "finished", "failed", "interrupted"]


EARLIER_KEYS = {  # of evaluation, before version 0.2.0
    "damaged": "on_corrupt_image",  # old name
    "damaged_images": "corrupt_images",  # old name
    "departures": "preprocessing_deviations",  # old name
    "published": "reference_result",
}


class RecordSection(BaseModel):
    """A section of run.json: its keys are exact, and null where nothing was measured."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), validate_assignment=True)


class Failure(RecordSection):
    """Why a run did not finish."""

    type: str
    message: str


class ModelSection(RecordSection):
    """The network: counts as built for this data; `macs` for one image."""

    name: str
    source: str
    stem: str
    pretrained: str | None = None  # the version of the weights
    params: int | None = None
    macs: int | None = None
    size_mb: float | None = None  # of the saved weights, 10^6 bytes
    input_size: list[int]  # [C, H, W]


class DataSection(RecordSection):
    """The images; the fingerprint tells two test sets apart."""

    name: str
    classes: int
    n_train: int | None = None  # null where there are none
    n_val: int | None = None
    n_test: int
    fingerprint: str


class SettingsSection(RecordSection):
    """What a run was asked for, whether it trained or only tested."""

    seed: int
    batch_size: int  # global
    devices: int  # on all nodes
    accelerator: str  # the one in use: cpu, cuda, mps
    strategy: str
    precision: str
    test_reads: int  # how often the test set was read
    split_seed: int
    image_size: int
    normalize: str
    mean: list[float]
    std: list[float]
    model_changes: list[str]  # what differs from the published network
    channels_last: bool
    compile: bool
    trim_kernels: bool = False  # missing in records made before it was
    matmul_precision: str
    deterministic: bool
    clocks_shared: bool = False  # other jobs of its sweep ran beside it
    recipe_hash: str  # the configuration's hash without the seed: runs that differ by seed share it


class HealthFinding(RecordSection):
    """A sign that a training's accuracy says little about the network, and what to do."""

    check: Literal[
        "diverged", "at_chance", "still_rising", "few_steps", "images_left_out", "saturated"
    ]
    evidence: str
    advice: str


class TrainingSection(SettingsSection):
    """How the network was trained, and what the choice of the epoch rests on."""

    max_epochs: int
    epochs_done: int
    optimizer: str
    lr: float
    scheduler: str
    weight_decay: float
    label_smoothing: float
    protocol: str  # holdout, test_as_val
    selection: str  # on which images the epoch was chosen
    val_fraction: float
    augment: dict[str, Any]
    freeze: str = "none"  # backbone: only the head was trained
    head_lr: float | None = None  # null: lr
    ema_decay: float | None
    gradient_clip_norm: float | None
    health: list[HealthFinding] = []  # empty when all is well


class ReferenceResultSection(RecordSection):
    """What the authors of the weights measured with them, on ImageNet's validation set."""

    acc1: float
    acc5: float
    source: str


class DeviationEffectSection(RecordSection):
    """A likely cause of a wrong number, and the accuracy on the same images without it."""

    cause: str  # normalisation, resize, crop, interpolation, precision
    n: int
    acc1: float  # as the run did it
    acc1_without: float


class ReferenceCheckSection(RecordSection):
    """The measured accuracies beside the published ones."""

    verdict: Literal["pass", "differs", "subset", "unknown"]
    message: str
    difference1: float | None = None  # measured minus published
    difference5: float | None = None
    low1: float | None = None  # 95 % interval (Wilson) of the measured top-1
    high1: float | None = None
    deviation_effects: list[DeviationEffectSection] = []


class EvaluationSection(SettingsSection):
    """How given weights were tested where nothing was trained."""

    transform_of: str | None  # whose transform is the default, such as an entry of torchvision
    resize: int | None  # pixels of the shorter side; null where the image's size stayed
    interpolation: str | None
    squash: bool  # both sides were resized, not the shorter one
    preprocessing_deviations: list[str]  # from that transform
    weights_map: str | None  # by_name, by_order: how a file's tensors were assigned
    mask_classes: bool
    on_corrupt_image: str  # error, count_wrong, skip
    corrupt_images: list[str]  # name and reason
    notes: list[str]  # what makes the number hard to compare with others
    reference_result: ReferenceResultSection | None
    check: ReferenceCheckSection | None = None
    test_s: float | None = None  # all parts together, where the pass was interrupted

    @model_validator(mode="before")
    @classmethod
    def _reads_keys_of_earlier_versions(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        return {EARLIER_KEYS.get(key, key): value for key, value in content.items()}


class BestSection(RecordSection):
    """The epoch that was chosen, counted from 1."""

    epoch: int | None = None
    val_acc1: float | None = None


class TestSection(RecordSection):
    """The test set, read with the chosen weights, each image once."""

    acc1: float | None = None
    acc5: float | None = None
    loss: float | None = None
    n: int | None = None
    correct1: int | None = None
    correct5: int | None = None


class TimingSection(RecordSection):
    """Medians over the epochs, the first left out when there are more."""

    epoch_s: float | None = None  # train_s + val_s
    train_s: float | None = None
    val_s: float | None = None
    data_wait_s: float | None = None
    images_per_s: float | None = None
    time_to_best_s: float | None = None  # train and val seconds up to the chosen epoch's end


class MemorySection(RecordSection):
    """Peaks of the run's first process and of its device."""

    peak_rss_mib: float | None = None
    peak_gpu_mib: float | None = None


class EnvironmentSection(RecordSection):
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


class RunRecord(RecordSection):
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
    model: ModelSection | None = None
    data: DataSection | None = None
    training: TrainingSection | None = None  # null where nothing was trained
    evaluation: EvaluationSection | None = None  # there alone; else the key is left out
    best: BestSection = BestSection()
    test: TestSection = TestSection()
    timing: TimingSection = TimingSection()
    memory: MemorySection = MemorySection()
    environment: EnvironmentSection | None = None

    model_config = ConfigDict(
        extra="forbid",
        protected_namespaces=(),
        validate_assignment=True,
        alias_generator=lambda name: name.rstrip("_"),
        populate_by_name=True,
    )

    @model_serializer(mode="wrap")
    def _leave_out_what_there_is_not(self, to_dict: SerializerFunctionWrapHandler) -> Any:
        """Keep the record of a training to the keys of its contract."""
        content = to_dict(self)
        if self.evaluation is None:
            content.pop("evaluation", None)
        return content

    @property
    def settings(self) -> SettingsSection | None:
        """Return the section that says how the run was made."""
        return self.training or self.evaluation
