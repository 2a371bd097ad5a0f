"""Composition of the jobs of a sweep; jobs with the same config group options share one."""

import copy
from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, open_dict

from cnncompare.config.files import refuse_merged_options


class JobComposer:
    """Composes jobs with the same result as Hydra, in 3 ms instead of 65 ms per job.

    Files are read and merged once for each choice of config group options. Values are then set on
    a copy, which is the last step of Hydra's composition too.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self._loader = loader
        self._master = master
        self._parser = OverridesParser.create(config_loader=loader)
        self._parsed: dict[str, Override] = {}
        self._groups: dict[str, bool] = {}
        self._bases: dict[tuple[str, ...], DictConfig] = {}

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """Return the configuration of the job with these overrides, without the section `hydra`."""
        parsed = [self._parse(override) for override in overrides]
        values = [override for override in parsed if self._is_value(override)]
        choices = [text for text, o in zip(overrides, parsed, strict=True) if o not in values]
        if any(self._parse(choice).type is not OverrideType.CHANGE for choice in choices):
            # an addition or a deletion can affect the other overrides
            values, choices = [], list(overrides)
        config = copy.deepcopy(self._base(tuple(choices)))
        ConfigLoaderImpl._apply_overrides_to_config(values, config)
        return config

    def _parse(self, override: str) -> Override:
        if override not in self._parsed:
            (self._parsed[override],) = self._parser.parse_overrides([override])
        return self._parsed[override]

    def _is_value(self, override: Override) -> bool:
        return (
            override.type is OverrideType.CHANGE
            and override.package is None
            and not self._is_group(override.key_or_group)
        )

    def _is_group(self, key: str) -> bool:
        if key not in self._groups:
            content = self._loader.list_groups(key) or self._loader.get_group_options(key)
            self._groups[key] = key.startswith("hydra") or bool(content)
        return self._groups[key]

    def _base(self, choices: tuple[str, ...]) -> DictConfig:
        if choices not in self._bases:
            composed: DictConfig = self._loader.load_sweep_config(self._master, list(choices))
            refuse_merged_options(composed.hydra, self._loader)
            with open_dict(composed):
                del composed["hydra"]
            self._bases[choices] = composed
        return self._bases[choices]
