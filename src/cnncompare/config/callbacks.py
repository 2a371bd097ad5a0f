"""Options of the callbacks, and the sections of metrics and augmentations of users' modules."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from cnncompare.config.extension import OwnSections
from cnncompare.config.section import NEITHER, Count, NotNegative, Positive, Section
from cnncompare.extensions.kinds import AUGMENTATIONS, CALLBACKS, METRICS


class EarlyStoppingConfig(Section):
    """Ends the training when validation accuracy has not improved for `patience` epochs."""

    patience: Count = 10
    min_delta: NotNegative = 0.0  # smallest improvement of the accuracy, in [0, 1]


class SWAConfig(Section):
    """Stochastic weight averaging: the mean of the weights at the ends of the last epochs."""

    start_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.75  # of the training


Runtime = Literal["eager", "compiled", "onnxruntime"]
InferencePrecision = Literal["float32", "bfloat16", "float16"]


class InferenceCostConfig(Section):
    """Measures latency and throughput of the trained network after the test."""

    # measured side by side; onnxruntime needs the extra onnx
    runtimes: list[Runtime] = Field(["eager", "compiled", "onnxruntime"], min_length=1)
    # of weights and images
    precisions: list[InferencePrecision] = Field(["float32"], min_length=1)
    seconds: Positive = 0.5  # of each timing


class GradientNormsConfig(Section):
    """Records the mean norm of the gradient of each layer's weights in epochs.csv."""

    every: Count = 1  # steps from one measurement to the next


class CallbacksConfig(OwnSections):
    """The enabled callbacks: early stopping, weight averaging and those of users' modules."""

    registry: ClassVar = CALLBACKS

    early_stopping: EarlyStoppingConfig | None = None
    swa: SWAConfig | None = None
    inference_cost: Annotated[InferenceCostConfig | None, NEITHER] = None
    gradient_norms: Annotated[GradientNormsConfig | None, NEITHER] = None

    def enabled(self) -> dict[str, dict[str, Any]]:
        """Return the options of each enabled callback by its name, for the record.

        Measurements change no result and are not among them.
        """
        sections = self.model_dump(exclude={"inference_cost", "gradient_norms"})
        return {name: options for name, options in sections.items() if options is not None}


class MetricsConfig(OwnSections):
    """Metrics of users' modules, for validation and test."""

    registry: ClassVar = METRICS


class AugmentationsConfig(OwnSections):
    """Augmentations of users' modules, applied to training images in this order."""

    registry: ClassVar = AUGMENTATIONS
