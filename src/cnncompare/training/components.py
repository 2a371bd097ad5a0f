"""Check of the components that users' modules register; imports no torch by itself."""

from cnncompare.config.extension import Own
from cnncompare.config.schema import Config
from cnncompare.extensions.kinds import MODELS
from cnncompare.extensions.modules import import_own_module
from cnncompare.extensions.registry import Factory
from cnncompare.extensions.resolve import check_options


def check_components(config: Config) -> None:
    """Import the users' modules, and check names and options of what they register.

    Raises UserError with one line for the first problem.
    """
    for own in config.own_components():
        check_options(own.registry, own.name, _factory(own), own.options)


def _factory(own: Own) -> Factory:
    if own.registry is not MODELS:
        return own.factory()
    import_own_module(own.module, own.key)
    from cnncompare.models.registry import registered_model  # imports torch, as the module does

    return registered_model(own.name).build
