"""Names are read from source files; the libraries' own lists are the truth."""

import subprocess
import sys

import timm
import torchvision.models as zoo

from cnncompare.models.names import known_names


def test_names_are_those_that_the_libraries_list() -> None:
    assert known_names("torchvision") == sorted(zoo.list_models(module=zoo))
    assert known_names("timm") == sorted(timm.list_models())


def test_own_names_are_those_that_the_files_register() -> None:
    from cnncompare.models.registry import own_model

    assert [own_model(name).name for name in known_names("own")] == known_names("own")


def test_names_are_checked_without_torch() -> None:
    program = (
        "import sys; from cnncompare.models.names import check_name; check_name('timm', "
        "'resnet50.a1_in1k'); assert not {'torch', 'timm', 'torchvision'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
