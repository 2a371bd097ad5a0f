"""Schema of the run record, run.json; imports no torch."""

from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from cnncompare.runs.budget import BudgetSection
from cnncompare.runs.inference_section import InferenceSection
from cnncompare.runs.record_section import RecordSection
from cnncompare.runs.reference_section import ReferenceCheckSection, ReferenceResultSection
from cnncompare.runs.resampling import ResamplingSection
from cnncompare.runs.tuning import TuningSection
from cnncompare.stats.imbalance import Imbalance

Status = Literal["running", "finished", "failed", "interrupted"]


class ComponentSection(RecordSection):
    """A component that a user's module registered."""

    kind: str  # such as optimizer or data source
    name: str
    module: str
    sha256: str | None  # of the module's file


class Failure(RecordSection):
    """Reason why a run did not finish."""

    type: str
    message: str

    @property
    def text(self) -> str:
        """Type and message in one line."""
        return f"{self.type}: {self.message}"


class ModelSection(RecordSection):
    """The network as built for this data set; `macs` are per image."""

    name: str
    source: str
    stem: str
    pretrained: str | None = None  # version of the pretrained weights
    params: int | None = None
    macs: int | None = None
    depth: int | None = None  # weighted layers on the longest path
    size_mb: float | None = None  # saved weights, in 10^6 bytes
    input_size: list[int]  # [C, H, W]


class LeaksSection(RecordSection):
    """Test images that are also training images."""

    identical: int  # with equal pixels


class DataSection(RecordSection):
    """The data set; equal fingerprints mean equal test images and labels."""

    name: str
    classes: int
    n_train: int | None = None  # null without such a split
    n_val: int | None = None
    n_test: int
    fingerprint: str
    conversions: dict[str, int] = Field(default={})  # own images by kind, such as 16-bit, turned
    pixel_ranges: dict[str, int] = Field(default={})  # largest values of 16-bit and float images
    ignored_files: dict[str, int] = Field(default={})  # by suffix; also "hidden" and "link"
    leaks: LeaksSection | None = None  # null if not measured
    imbalance: Imbalance | None = None  # of the training split, or the test split; null: one class
    resampling: ResamplingSection | None = None  # null unless a fold or hold-out was tested


class SettingsSection(RecordSection):
    """Settings that trainings and tests of pretrained weights share.

    All options that can change a number are recorded; those that no code reads have no field here.
    """

    OMITTED_BY_DEFAULT: ClassVar[tuple[str, ...]] = ("callbacks",)

    model_config = ConfigDict(extra="allow")

    seed: int
    batch_size: int  # global
    devices: int  # on all nodes together
    accelerator: str  # the device type in use: cpu, cuda or mps
    strategy: str
    precision: str
    test_reads: int  # number of passes over the test set
    split_seed: int
    image_size: int
    normalize: str
    mean: list[float]
    std: list[float]
    model_changes: list[str]  # differences from the published network
    channels_last: bool
    compile: bool
    trim_kernels: bool = False  # absent from records older than the setting
    matmul_precision: str
    deterministic: bool
    clocks_shared: bool = False  # other jobs of the sweep ran at the same time
    weights_prefix: str | None = None  # removed from the names of the tensors in a file
    callbacks: dict[str, dict[str, Any]] = Field(default={})  # options by name
    recipe_hash: str  # hash of the configuration without the seed


LAST_EPOCH = "last epoch"  # the selection of a training whose last epoch was tested


class HealthFinding(RecordSection):
    """A sign that a training's accuracy says little about the network, and what to do."""

    check: Literal[
        "diverged", "at_chance", "still_rising", "few_steps", "images_left_out", "saturated"
    ]
    evidence: str
    advice: str


class TrainingSection(SettingsSection):
    """Settings of the training and of the selection of the best epoch."""

    OMITTED_BY_DEFAULT: ClassVar = ("loss", "callbacks", "incomparable", "budget", "tuning")

    max_epochs: int
    epochs_done: int
    optimizer: str
    lr: float
    scheduler: str
    weight_decay: float
    loss: str = "cross_entropy"
    label_smoothing: float
    protocol: str  # holdout or test_as_val
    selection: str  # the tested epoch: the split on which it was the best, or LAST_EPOCH
    val_fraction: float
    augment: dict[str, Any]
    balance: bool = False  # images were drawn so that every class is equally frequent
    class_weights: list[float] | None = None  # in the loss, by label; null: none
    freeze: str = "none"  # backbone: only the head was trained
    head_lr: float | None = None  # null: the same as lr
    ema_decay: float | None
    gradient_clip_norm: float | None
    budget: BudgetSection | None = None  # from which max_epochs was chosen; absent without one
    tuning: TuningSection | None = None  # of runs of cnncompare tune; absent without it
    health: list[HealthFinding] = Field(default=[])  # empty when all is well
    incomparable: list[str] = Field(default=[])  # reasons why no report compares the run


class EvaluationSection(SettingsSection):
    """Settings and checks of a test without training."""

    EARLIER_KEYS: ClassVar = {
        "damaged": "on_corrupt_image",  # old name
        "damaged_images": "corrupt_images",  # old name
        "departures": "preprocessing_deviations",  # old name
        "published": "reference_result",  # old name
    }
    EARLIER_VALUES: ClassVar = {
        "on_corrupt_image": {
            "stop": "error",
            "wrong": "count_wrong",
            "leave_out": "skip",  # old name
        }
    }

    transform_of: str | None  # origin of the default transform, such as an entry of torchvision
    resize: int | None  # pixels of the shorter side; null: not resized
    interpolation: str | None
    squash: bool  # both sides were resized, not only the shorter one
    preprocessing_deviations: list[str]  # from the default transform
    weights_map: str | None  # by_name or by_order: assignment of the tensors of a file
    mask_classes: bool
    on_corrupt_image: str  # error, count_wrong or skip
    corrupt_images: list[str]  # name and reason of each
    notes: list[str]  # limits of the comparability with other results
    reference_result: ReferenceResultSection | None
    check: ReferenceCheckSection | None = None
    test_s: float | None = None  # null after an interruption


class BestSection(RecordSection):
    """The selected epoch, counted from 1."""

    epoch: int | None = None
    val_acc1: float | None = None


class TestSection(RecordSection):
    """Results on the test set with the selected weights."""

    OMITTED_BY_DEFAULT: ClassVar = ("metrics",)

    acc1: float | None = None
    acc5: float | None = None
    loss: float | None = None
    n: int | None = None
    correct1: int | None = None
    correct5: int | None = None
    balanced_acc1: float | None = None  # mean recall of the classes that have test images
    macro_f1: float | None = None  # mean F1 of the classes that have test images or are predicted
    metrics: dict[str, float] = Field(default={})  # of users' modules, by name; absent without any


class TimingSection(RecordSection):
    """Medians over the epochs, without the first if there are more."""

    epoch_s: float | None = None  # train_s + val_s
    train_s: float | None = None
    val_s: float | None = None
    data_wait_s: float | None = None
    images_per_s: float | None = None
    time_to_best_s: float | None = None  # training and validation up to the end of the best epoch


class MemorySection(RecordSection):
    """Peak memory of the first process and of its device."""

    peak_rss_mib: float | None = None
    peak_gpu_mib: float | None = None


class EnvironmentSection(RecordSection):
    """Software and hardware of the run."""

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
    """The whole content of run.json."""

    OMITTED_BY_DEFAULT: ClassVar = ("evaluation", "components", "files")

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
    training: TrainingSection | None = None  # null for a test without training
    evaluation: EvaluationSection | None = None  # of such a test; otherwise the key is absent
    best: BestSection = BestSection()
    test: TestSection = TestSection()
    timing: TimingSection = TimingSection()
    memory: MemorySection = MemorySection()
    inference: InferenceSection | None = None  # null unless callbacks=inference_cost
    environment: EnvironmentSection | None = None
    components: list[ComponentSection] = Field(default=[])  # of users' modules; absent without any
    files: dict[str, str] = Field(default={})  # SHA-256 by name, of a run that has ended

    model_config = ConfigDict(alias_generator=lambda n: n.rstrip("_"), populate_by_name=True)

    @property
    def settings(self) -> SettingsSection | None:
        """The settings of the run, from its training or evaluation section."""
        return self.training or self.evaluation
