"""Composition of a configuration outside Hydra's command line; imports no torch."""

import os
from collections.abc import Sequence
from pathlib import Path

from cnncompare.config.schema import Config
from cnncompare.errors import ConfigError


def compose_config(overrides: Sequence[str], saved: Path | None = None) -> Config:
    """Return the validated configuration of a run; raises ConfigError.

    `saved` is the folder of a run, or its config.yaml, whose keys the overrides change.
    """
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
    from cnncompare.config.quoting import quote_overrides, refuse_two_lengths
    from cnncompare.config.validation import validate

    refuse_two_lengths(overrides)
    quoted = quote_overrides(overrides, "refuse")
    file = conf_folder() / "config.yaml" if saved is None else _saved_file(saved, overrides)
    add_user_conf([])
    register_search_path()
    outer = GlobalHydra.instance().hydra  # of a program that itself uses Hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(file.parent), version_base="1.3"):
            composed = compose(file.stem, quoted, return_hydra_config=True)
            refuse_merged_options(composed.hydra, GlobalHydra.instance().config_loader())
            with open_dict(composed):
                del composed["hydra"]
            return validate(composed)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(hydra_error_message(error)) from None
    finally:
        GlobalHydra.instance().hydra = outer


def _saved_file(path: Path, overrides: Sequence[str]) -> Path:
    """Return the absolute path of a run's config.yaml; it has no options to choose."""
    from cnncompare.config.quoting import refuse_options

    file = Path(os.path.abspath(path.expanduser()))
    if file.is_dir():
        file /= "config.yaml"
    if not file.is_file() or file.suffix != ".yaml":
        raise ConfigError(f"config={path}: give the folder of a run, or its config.yaml")
    refuse_options(overrides, file.parent)
    return file
