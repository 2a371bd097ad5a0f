"""Configurations as the command line composes them."""

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from cnncompare.config.files import conf_folder
from cnncompare.config.schema import Config
from cnncompare.config.validation import validate


def compose_config(*overrides: str) -> Config:
    """Return the validated configuration that these words compose to."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return validate(compose("config", list(overrides)))
