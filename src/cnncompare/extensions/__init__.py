"""Decorators with which a user's module registers components; imports no torch."""

from cnncompare.extensions.kinds import (
    register_augmentation,
    register_callback,
    register_data_source,
    register_logger,
    register_loss,
    register_metric,
    register_optimizer,
    register_scheduler,
)
from cnncompare.extensions.networks import register_model

__all__ = [
    "register_augmentation",
    "register_callback",
    "register_data_source",
    "register_logger",
    "register_loss",
    "register_metric",
    "register_model",
    "register_optimizer",
    "register_scheduler",
]
