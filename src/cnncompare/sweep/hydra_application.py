"""The call of Hydra: composes the configuration and hands it to a task; imports no torch."""

import os
import sys
from collections.abc import Callable
from typing import Any

from cnncompare.config.files import (
    add_user_conf,
    conf_folder,
    hydra_error_message,
    list_options_without_copies,
    refuse_merged_options,
    register_search_path,
)
from cnncompare.errors import CnncompareError, ConfigError
from cnncompare.sweep.launched_job import SweepProcess, run_launched


def call_hydra(arguments: list[str], task: Callable[[Any], float | None]) -> None:
    """Run the task with the composed configuration; raises errors with one-line messages."""
    import hydra
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException
    from hydra.types import RunMode
    from omegaconf.errors import OmegaConfBaseException

    _prepare_hydra(arguments)
    process = SweepProcess()
    errors: list[CnncompareError] = []

    started = False

    def job(composed: Any) -> float | None:
        nonlocal started
        started = True
        try:
            loader = GlobalHydra.instance().config_loader()
            refuse_merged_options(HydraConfig.get(), loader)
            if HydraConfig.get().mode is RunMode.MULTIRUN:
                return run_launched(task, composed, process)
            return task(composed)
        except CnncompareError as error:
            if HydraConfig.get().mode is RunMode.MULTIRUN:
                raise  # another launcher's process can return errors only this way
            errors.append(error)  # if raised, Hydra would print more than one line
            return None

    app = hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")
    try:
        app(job)()
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(hydra_error_message(error)) from None
    except ValueError as error:  # of Hydra, for some invalid overrides
        if started:
            raise
        raise ConfigError(hydra_error_message(error)) from None
    except SystemExit as stop:  # after --help
        if stop.code:
            raise
    if errors:
        raise errors[0]


def _prepare_hydra(arguments: list[str]) -> None:
    """Set the arguments and search path that Hydra reads."""
    sys.argv[1:] = arguments
    add_user_conf(arguments)
    register_search_path()
    list_options_without_copies()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises errors instead of printing them
