"""Check of the components that users' modules register; imports no torch by itself."""

from inspect import signature

from cnncompare.config.extension import Own
from cnncompare.config.optimization import LossConfig
from cnncompare.config.schema import Config
from cnncompare.errors import ConfigError
from cnncompare.extensions.kinds import LOSSES, MODELS
from cnncompare.extensions.modules import import_own_module
from cnncompare.extensions.registry import Factory
from cnncompare.extensions.resolve import check_options


def check_components(config: Config) -> None:
    """Import the users' modules, and check names and options of what they register.

    Raises UserError with one line for the first problem.
    """
    for own in config.own_components():
        factory = _factory(own)
        check_options(own.registry, own.name, factory, own.options)
        if own.registry is LOSSES:
            _check_shared_options(config.loss, own, factory)


def _check_shared_options(loss: LossConfig, own: Own, factory: Factory) -> None:
    """Raise ConfigError for an option of all losses that a loss of the user's does not use."""
    declared = signature(factory).parameters
    for name in ("label_smoothing", "class_weights"):
        value, default = getattr(loss, name), LossConfig.model_fields[name].default
        if value != default and name not in declared:
            raise ConfigError(
                f"loss.{name}={value}: loss {own.name} of module {own.module} does not use it; "
                f"leave it out, or declare the argument {name} of its factory"
            )


def _factory(own: Own) -> Factory:
    if own.registry is not MODELS:
        return own.factory()
    import_own_module(own.module, own.key)
    from cnncompare.models.registry import registered_model  # imports torch, as the module does

    return registered_model(own.name).build
