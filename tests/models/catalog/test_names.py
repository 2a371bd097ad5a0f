"""Names are read from source files; the libraries' own lists are the truth."""

import re
import subprocess
import sys

import pytest
import timm
import torchvision.models as zoo

from cnncompare.errors import ModelError
from cnncompare.models.catalog.names import check_weights, known_names, listed_versions
from cnncompare.models.pretrained.weights import versions_of


def test_names_are_those_that_the_libraries_list() -> None:
    assert known_names("torchvision") == sorted(zoo.list_models(module=zoo))
    assert known_names("timm") == sorted(timm.list_models())


def test_own_names_are_those_that_the_files_register() -> None:
    from cnncompare.models.registry import registered_model

    assert [registered_model(name).name for name in known_names("own")] == known_names("own")


def test_versions_are_those_that_torchvision_lists() -> None:
    for name in known_names("torchvision"):
        assert listed_versions("torchvision", name) == versions_of("torchvision", name)


def test_versions_include_all_that_timm_lists() -> None:
    published: dict[str, set[str]] = {}
    for full_name in timm.list_pretrained():
        name, _, tag = full_name.partition(".")
        published.setdefault(name, set()).add(tag)
    unlisted = 0
    names = known_names("timm")[::10]
    for name in names:
        listed = listed_versions("timm", name)
        assert not listed or published.get(name, set()) <= set(listed)
        unlisted += not listed and name in published
    assert unlisted < 0.05 * len(names)  # generated: 15 of all in timm 1.0.31, transformers


def test_an_unknown_version_is_refused_with_the_known_ones() -> None:
    check_weights("torchvision", "resnet50", "IMAGENET1K_V2")
    check_weights("timm", "resnet50.a1_in1k", "a2_in1k")
    check_weights("own", "resnet20", "some/file.pth", "by_order")
    check_weights("own", "resnet20", None)
    for source, name, weights, expected in (
        ("torchvision", "resnet50", "IMAGENET1K_V3", "did you mean 'IMAGENET1K_V2'"),
        ("torchvision", "alexnet", "DEFAULT", "known: IMAGENET1K_V1)"),
        ("timm", "resnet10t", "c3_in2k", "known: c3_in1k)"),
        ("own", "resnet20", "V1", "resnet20 of source own has no pretrained weights"),
    ):
        with pytest.raises(ModelError, match=re.escape(expected)):
            check_weights(source, name, weights)


@pytest.mark.parametrize("weights", ["IMAGENET1K_V1", None])
def test_by_order_without_a_file_is_refused(weights: str | None) -> None:
    with pytest.raises(ModelError, match=f"model.weights={weights} is not a file"):
        check_weights("torchvision", "resnet18", weights, "by_order")


def test_names_and_versions_are_checked_without_torch() -> None:
    program = (
        "import sys; from cnncompare.models.catalog.names import *;"
        "check_name('timm', 'resnet50.a1_in1k');"
        "check_weights('timm', 'resnet50', 'a1_in1k');"
        "check_weights('torchvision', 'resnet50', 'IMAGENET1K_V2');"
        "assert not {'torch', 'timm', 'torchvision'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
