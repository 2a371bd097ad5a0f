"""The smallest sizes of the file are those of the networks themselves."""

import pytest

from cnncompare.errors import ModelError
from cnncompare.models.catalog.smallest_sizes import check_image_size, smallest_sizes
from cnncompare.models.on_meta import build_on_meta

CASES = [
    (source, name, stem, size)
    for source, networks in smallest_sizes().items()
    for name, stems in networks.items()
    for stem, size in stems.items()
]


@pytest.mark.parametrize(
    ("source", "name", "stem", "size"),
    [c if c[1] == "lenet5" else pytest.param(*c, marks=pytest.mark.slow) for c in CASES],
)
def test_a_network_refuses_one_pixel_less_with_the_same_line(
    source: str, name: str, stem: str, size: int
) -> None:
    build_on_meta(name, source, 10, (3, size, size), stem, {})
    check_image_size(source, name, stem, None, size)
    smaller = (3, size - 1, size - 1)
    with pytest.raises(ModelError) as built:
        build_on_meta(name, source, 10, smaller, stem, {})
    with pytest.raises(ModelError) as checked:
        check_image_size(source, name, stem, None, size - 1)
    assert str(checked.value) == str(built.value)


def test_the_stem_of_auto_is_that_of_the_size_and_the_weights() -> None:
    check_image_size("own", "zfnet", "auto", None, 32)
    check_image_size("own", "zfnet", "auto", "weights.pth", 32)
    with pytest.raises(ModelError, match="squeezenet1_0 with stem=imagenet accepts images of 21"):
        check_image_size("torchvision", "squeezenet1_0", "auto", "IMAGENET1K_V1", 16)


def test_what_the_file_does_not_know_is_left_to_the_network() -> None:
    check_image_size("timm", "resnet18", "auto", None, 8)
    check_image_size("own", "lenet5", "auto", None, None)
