"""The table of networks equals a recomputation and the values of the libraries and papers."""

import subprocess
import sys
from pathlib import Path

import pytest
import torchvision.models as zoo
import yaml

from cnncompare.models.catalog.names import known_names
from cnncompare.models.catalog.table import COLUMNS, find_rows, read_table
from cnncompare.models.catalog.tabulate import compute_row, table_entries

CONF = Path(__file__).resolve().parents[2] / "conf" / "model"
ROWS = {(row["source"], row["name"]): row for row in read_table()}
QUICK = [
    ("own", "lenet5"),
    ("own", "resnet20"),
    ("own", "zfnet"),
    ("torchvision", "alexnet"),
    ("torchvision", "googlenet"),
    ("torchvision", "squeezenet1_1"),
    ("torchvision", "vgg11"),
    ("timm", "resnet10t"),
]


@pytest.mark.parametrize(("source", "name"), QUICK)
def test_a_row_equals_its_recomputation(source: str, name: str) -> None:
    assert compute_row(source, name) == ROWS[source, name]


@pytest.mark.slow
@pytest.mark.parametrize(("source", "name"), sorted(ROWS))
def test_every_row_equals_its_recomputation(source: str, name: str) -> None:
    assert compute_row(source, name) == ROWS[source, name]


def test_the_table_holds_own_networks_torchvision_s_and_those_with_a_file() -> None:
    assert set(ROWS) == set(table_entries())
    files = [yaml.safe_load(path.read_text("utf-8")) for path in CONF.glob("*.yaml")]
    assert {(model["source"], model["name"]) for model in files} <= set(ROWS)
    assert {("own", name) for name in known_names("own")} <= set(ROWS)
    assert all(tuple(row) == COLUMNS for row in ROWS.values())


@pytest.mark.parametrize("name", [name for source, name in ROWS if source == "torchvision"])
def test_numbers_equal_torchvision_s(name: str) -> None:
    first = next(iter(zoo.get_model_weights(name)))
    known = ROWS["torchvision", name]
    assert known["params"] == first.meta["num_params"]
    # Published to three decimals, which is coarser than 1 % below 0.05 GMACs.
    assert known["gmacs"] == pytest.approx(first.meta["_ops"], rel=0.01, abs=0.0005)
    assert known["weights"][0] == first.name


# timm's results/model_metadata-in1k.csv and the papers: millions of parameters.
PUBLISHED = [
    ("timm", "inception_v4", 42.68),
    ("timm", "inception_resnet_v2", 55.84),
    ("timm", "legacy_xception", 22.86),
    ("timm", "nasnetalarge", 88.75),
    ("timm", "resnet10t", 5.44),
]


@pytest.mark.parametrize(("source", "name", "millions"), PUBLISHED)
def test_parameters_equal_timm_s(source: str, name: str, millions: float) -> None:
    assert ROWS[source, name]["params"] / 1e6 == pytest.approx(millions, abs=0.006)


def test_own_counts_are_the_papers() -> None:
    def params(name: str) -> int:
        return int(ROWS["own", name]["params"])

    assert params("lenet5") == 61_706
    assert params("alexnet2012") == 60_965_224
    millions = {"wrn_28_10": 36.5, "wrn_40_2": 2.2, "resnext29_8x64d": 34.4, "resnet110": 1.7}
    for name, published in {**millions, "densenet_bc_100_12": 0.8}.items():
        assert params(name) / 1e6 == pytest.approx(published, abs=0.06), name


def test_a_pattern_finds_part_of_a_name_or_a_form_also_beyond_the_table() -> None:
    names = [row["name"] for row in find_rows("vgg1*_bn")]
    assert names[:4] == ["vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"]
    assert {row["source"] for row in find_rows("vgg1*_bn")} == {"torchvision", "timm"}
    beyond = [row for row in find_rows("resnetv2_50x1_bit") if row["source"] == "timm"]
    assert beyond
    assert beyond[0]["params"] is None
    assert find_rows("none such") == []


def test_the_table_is_read_without_torch() -> None:
    program = (
        "import sys; from cnncompare.models.catalog.command import main; main(['res', '--json']); "
        "assert not {'torch', 'timm', 'torchvision'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
