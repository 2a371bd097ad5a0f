"""Every network that `cnncompare models` lists as an option of the config group `model`."""

from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from omegaconf import OmegaConf

from cnncompare.models.catalog.table import read_table

SCHEME = "cnncompare-catalog"


class CatalogOptions(ConfigSource):
    """Provides ``model/NAME`` for each network of the catalog that has no file in conf/model.

    The learning rates are those of the file for another network of the same family. The names are
    not listed, so that ``'model=glob(*)'`` and ``--help`` stay with the files.
    """

    @staticmethod
    def scheme() -> str:
        """Return the scheme of this source in Hydra's search path."""
        return SCHEME

    def load_config(self, config_path: str) -> ConfigResult:
        """Return the option `config_path`, such as ``model/mnasnet0_5``."""
        option = self._option(config_path)
        if option is None:
            raise ConfigLoadError(f"Config not found : {config_path}")
        return ConfigResult(
            config=OmegaConf.create(option),
            path=self.full_path(),
            provider=self.provider,
            header={"package": None},
        )

    def is_group(self, config_path: str) -> bool:
        """Return whether the path is the group `model`."""
        return config_path.rstrip("/") == "model"

    def is_config(self, config_path: str) -> bool:
        """Return whether the path is an option of the catalog."""
        return self._option(config_path) is not None

    def available(self) -> bool:
        """Return True: the catalog is part of the package."""
        return True

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Return no names."""
        return []

    def _option(self, config_path: str) -> dict[str, Any] | None:
        group, _, name = config_path.removesuffix(".yaml").rpartition("/")
        return catalog_options(Path(self.path)).get(name) if group == "model" else None


@cache
def catalog_options(conf: Path) -> dict[str, dict[str, Any]]:
    """Return the content of the options without a file in the folder `conf`/model, by name."""
    rows = read_table()
    families = {row["name"]: row["family"] for row in rows}
    files: dict[str, Any] = {path.stem: OmegaConf.load(path) for path in _files(conf)}
    rates = {families.get(file["name"]): file["lr"] for file in files.values()}
    usual = files["torchvision"]["lr"]  # for networks with batch norm
    return {
        row["name"]: {
            "name": row["name"],
            "source": row["source"],
            "lr": rates.get(row["family"], usual),
        }
        for row in rows
        if row["name"] not in files
    }


def _files(conf: Path) -> list[Path]:
    return sorted((conf / "model").glob("*.yaml"))
