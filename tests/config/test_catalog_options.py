import pytest
from omegaconf import OmegaConf

from cnncompare.config.catalog_options import catalog_options
from cnncompare.config.compose import compose_config
from cnncompare.config.files import conf_folder
from cnncompare.models.catalog.table import read_table

NAMES = [row["name"] for row in read_table()]


def test_every_network_of_the_catalog_is_an_option() -> None:
    files = {path.stem for path in (conf_folder() / "model").glob("*.yaml")}
    assert set(NAMES) == (set(NAMES) & files) | set(catalog_options(conf_folder()))


@pytest.mark.parametrize("name", ["mnasnet0_5", "convnext_small", "resnet10t", "nasnetalarge"])
def test_an_option_without_a_file_composes(name: str) -> None:
    model = compose_config([f"model={name}"]).model
    row = next(row for row in read_table() if row["name"] == name)
    assert (model.name, model.source) == (name, row["source"])


def test_the_learning_rates_are_those_of_the_family() -> None:
    file = OmegaConf.load(conf_folder() / "model" / "convnext_tiny.yaml")
    assert catalog_options(conf_folder())["convnext_large"]["lr"] == file.lr
    assert compose_config(["model=mnasnet1_0"]) == compose_config(["model=mnasnet"])
