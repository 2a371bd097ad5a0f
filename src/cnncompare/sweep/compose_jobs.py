"""The jobs of a sweep as words, and composed: those with the same choices share one composition."""

import copy
from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, open_dict


class Composer:
    """Composes jobs as Hydra does, at 3 ms a job instead of 65.

    Files are read and merged once for each choice of groups; values are set on a copy, which is
    what Hydra does last.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self._loader = loader
        self._master = master
        self._parser = OverridesParser.create(config_loader=loader)
        self._parsed: dict[str, Override] = {}
        self._groups: dict[str, bool] = {}
        self._bases: dict[tuple[str, ...], DictConfig] = {}

    def compose(self, words: Sequence[str]) -> DictConfig:
        """Return the configuration of the job with these words, Hydra's own section left out."""
        overrides = [self._parse(word) for word in words]
        values = [override for override in overrides if self._is_value(override)]
        choices = [word for word, o in zip(words, overrides, strict=True) if o not in values]
        if any(self._parse(word).type is not OverrideType.CHANGE for word in choices):
            values, choices = [], list(words)  # what is added or deleted may matter to the rest
        config = copy.deepcopy(self._base(tuple(choices)))
        ConfigLoaderImpl._apply_overrides_to_config(values, config)
        return config

    def _parse(self, word: str) -> Override:
        if word not in self._parsed:
            (self._parsed[word],) = self._parser.parse_overrides([word])
        return self._parsed[word]

    def _is_value(self, override: Override) -> bool:
        return (
            override.type is OverrideType.CHANGE
            and override.package is None
            and not self._is_group(override.key_or_group)
        )

    def _is_group(self, key: str) -> bool:
        if key not in self._groups:
            found = self._loader.list_groups(key) or self._loader.get_group_options(key)
            self._groups[key] = key.startswith("hydra") or bool(found)
        return self._groups[key]

    def _base(self, choices: tuple[str, ...]) -> DictConfig:
        if choices not in self._bases:
            composed: DictConfig = self._loader.load_sweep_config(self._master, list(choices))
            with open_dict(composed):
                del composed["hydra"]
            self._bases[choices] = composed
        return self._bases[choices]
