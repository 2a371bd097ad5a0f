"""Composition of a configuration outside Hydra's command line; imports no torch."""

from collections.abc import Sequence

from cnncompare.config.schema import Config


def compose_config(overrides: Sequence[str]) -> Config:
    """Return the validated configuration of a run; raises ConfigError."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf import open_dict
    from omegaconf.errors import OmegaConfBaseException

    from cnncompare.config.files import (
        add_user_conf,
        conf_folder,
        hydra_error_message,
        refuse_merged_options,
        register_search_path,
    )
    from cnncompare.config.quoting import quote_overrides
    from cnncompare.config.validation import validate
    from cnncompare.errors import ConfigError

    quoted = quote_overrides(overrides, "refuse")
    add_user_conf([])
    register_search_path()
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            composed = compose("config", quoted, return_hydra_config=True)
            refuse_merged_options(composed.hydra, GlobalHydra.instance().config_loader())
            with open_dict(composed):
                del composed["hydra"]
            return validate(composed)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(hydra_error_message(error)) from None
