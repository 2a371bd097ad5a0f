"""One registry per kind of component; `cnncompare.extensions` exports their decorators."""

from collections.abc import Callable

from cnncompare.errors import ModelError
from cnncompare.extensions.registry import F, Registry

_OPTIMIZERS = ("sgd", "adamw", "adam", "rmsprop", "adagrad", "lamb", "lion")
_SCHEDULERS = ("constant", "cosine", "onecycle", "multistep", "step", "exponential", "plateau")
_SOURCES = ("torchvision", "digits", "folder", "arrays", "parquet", "synthetic", "imagenet")

# the project's own networks are those of models.catalog.names.zoo_modules
MODELS = Registry("model", {}, ("classes", "in_channels", "image_size", "stem"), error=ModelError)
DATA_SOURCES = Registry(
    "data source", dict.fromkeys(_SOURCES, "cnncompare.data.sources.load"), ("root", "cache_dir")
)
OPTIMIZERS = Registry(
    "optimizer",
    dict.fromkeys(_OPTIMIZERS, "cnncompare.training.optimizers"),
    ("lr", "weight_decay", "fused"),
    positional=1,
)
SCHEDULERS = Registry(
    "scheduler",
    dict.fromkeys(_SCHEDULERS, "cnncompare.training.schedulers"),
    ("steps", "steps_per_epoch"),
    positional=1,
)
LOSSES = Registry(
    "loss",
    dict.fromkeys(("cross_entropy", "focal", "bce"), "cnncompare.training.losses"),
    ("label_smoothing", "class_weights"),
)
AUGMENTATIONS = Registry("augmentation", {})
METRICS = Registry("metric", {}, ("classes",))
CALLBACKS = Registry(
    "callback",
    {
        "early_stopping": "cnncompare.training.callbacks.early_stopping",
        "swa": "cnncompare.training.callbacks.swa",
        "inference_cost": "cnncompare.training.callbacks.inference_cost",
        "gradient_norms": "cnncompare.training.callbacks.gradient_norms",
    },
)
LOGGERS = Registry(
    "logger",
    dict.fromkeys(("tensorboard", "csv", "mlflow", "wandb"), "cnncompare.training.loggers.build"),
    ("folder",),
)
REGISTRIES = (
    *(MODELS, DATA_SOURCES, OPTIMIZERS, SCHEDULERS, LOSSES, AUGMENTATIONS, METRICS, CALLBACKS),
    LOGGERS,
)


def register_data_source(name: str) -> Callable[[F], F]:
    """Return a decorator for a function that returns a `cnncompare.data.source.Source`.

    It is called with its options; `root` and `cache_dir` are those of the configuration.
    """
    return DATA_SOURCES.register(name)


def register_optimizer(name: str) -> Callable[[F], F]:
    """Return a decorator for a function that returns a torch optimizer.

    It is called as ``factory(params, lr=, **options)``. `params` are parameter groups, each with
    its own `lr` and `weight_decay`.
    """
    return OPTIMIZERS.register(name)


def register_scheduler(name: str) -> Callable[[F], F]:
    """Return a decorator for a function that returns a torch scheduler.

    It is called as ``factory(optimizer, steps=, steps_per_epoch=, **options)``. The scheduler is
    stepped after each of the `steps` of the training; a ReduceLROnPlateau, after each epoch with
    the validation accuracy.
    """
    return SCHEDULERS.register(name)


def register_loss(name: str) -> Callable[[F], F]:
    """Return a decorator for a function that returns a loss.

    The loss is called with logits float [B, classes] and targets, int64 [B] or, for mixed images,
    float [B, classes]; it returns the mean, a scalar.
    """
    return LOSSES.register(name)


def register_augmentation(name: str) -> Callable[[F], F]:
    """Return a decorator for a function that returns an augmentation of training images.

    The augmentation is called with one image, uint8 [C, H, W], and returns one of the same shape
    and type. It draws from torch's global generator, which is seeded for each image.
    """
    return AUGMENTATIONS.register(name)


def register_metric(name: str) -> Callable[[F], F]:
    """Return a decorator for a function that returns a torchmetrics metric.

    It is called as ``factory(classes=, **options)``. The metric is updated with logits float
    [B, classes] and labels int64 [B], and computes one number.
    """
    return METRICS.register(name)


def register_callback(name: str) -> Callable[[F], F]:
    """Return a decorator for a Lightning callback, or a function that returns one."""
    return CALLBACKS.register(name)


def register_logger(name: str) -> Callable[[F], F]:
    """Return a decorator for a Lightning logger, or a function that returns one.

    It is called as ``factory(folder=, **options)``; `folder` is that of the run.
    """
    return LOGGERS.register(name)
