"""Surveys of sets of images: counts, common ranges, and the cache that keeps them."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnncompare.data import survey_cache
from cnncompare.data.survey import combine, conversion_notes, report_conversions, survey_files
from cnncompare.errors import DataError
from tests.data.conftest import MakeData, MakeTree

RAMP = np.arange(320).reshape(16, 20)


def replace_image(path: Path, values: Any, **options: Any) -> None:
    image = values if isinstance(values, Image.Image) else Image.fromarray(values)
    image.save(path, **options)


def mixed(pets: Path) -> Path:
    """Replace some images of the tree by one of each kind."""
    exif = Image.Exif()
    exif[0x0112] = 3
    opaque = Image.new("RGBA", (20, 16), (1, 2, 3, 255))
    clear = Image.new("LA", (20, 16), (1, 0))
    cats, dogs = pets / "train" / "cat", pets / "test" / "dog"
    replace_image(cats / "000.png", (RAMP * 12).astype(np.uint16))
    replace_image(dogs / "000.png", RAMP.astype(np.uint16))
    replace_image(cats / "001.png", opaque, exif=exif)
    replace_image(cats / "002.png", opaque)
    replace_image(cats / "003.png", clear)
    replace_image(cats / "004.png", Image.new("RGB", (20, 16), "red").quantize(2))
    replace_image(dogs / "001.png", Image.new("1", (20, 16)))
    return pets


def test_conversions_are_counted_over_all_splits(pets: Path, folder_data: MakeData) -> None:
    data = folder_data(mixed(pets))
    assert data.survey.conversions == {
        "16-bit": 2,
        "1-bit": 1,
        "alpha": 2,
        "grey": 1,
        "palette": 1,
        "transparent": 1,
        "turned": 1,
    }
    assert data.survey.ranges.by_kind() == {"16-bit": 4095}


def test_ordinary_images_have_no_conversions(pets: Path, folder_data: MakeData) -> None:
    survey = folder_data(pets).survey
    assert (survey.conversions, survey.ranges.by_kind()) == ({}, {})


@pytest.mark.parametrize("limit_gib", [4.0, 0.0])
def test_all_images_of_the_set_share_a_range(
    pets: Path, folder_data: MakeData, limit_gib: float
) -> None:
    """The test image uses 9 bits, and a training image 12."""
    data = folder_data(mixed(pets), cache_limit_gib=limit_gib, workers=0)
    np.testing.assert_array_equal(data.test_images([3])[0, 0].numpy(), RAMP >> 4)


def test_the_range_of_the_type_applies_if_one_image_needs_it(
    pets: Path, folder_data: MakeData
) -> None:
    replace_image(mixed(pets) / "train" / "dog" / "000.png", (RAMP * 200).astype(np.uint16))
    data = folder_data(pets)
    assert data.survey.conversions["16-bit, dark"] == 2
    assert data.survey.ranges.by_kind() == {"16-bit": 65535}
    np.testing.assert_array_equal(data.test_images([3])[0, 0].numpy(), RAMP >> 8)


def test_alpha_does_not_widen_the_range(tmp_path: Path) -> None:
    from tests.data.test_pixels import write_png

    values = np.dstack([RAMP * 4, np.full((16, 20), 65535)]).astype(np.uint16)
    write_png(tmp_path / "image.png", values, colour_type=4)
    (survey,) = survey_files([str(tmp_path / "image.png")])
    assert (survey.largest, sorted(survey.kinds)) == (319 * 4, ["16-bit", "alpha"])


@pytest.mark.parametrize("largest", [1.0, 255.0])
def test_floating_point_images_share_a_range(
    make_tree: MakeTree, folder_data: MakeData, largest: float
) -> None:
    root = make_tree({f"{s}/{c}": [(20, 16)] * 4 for s in ("train", "test") for c in "ab"}, ".tif")
    for path in root.glob("*/*/*.tif"):
        replace_image(path, (RAMP / 319 * largest).astype(np.float32))
    data = folder_data(root, val_fraction=0.5)
    assert data.survey.conversions == {"floating-point": 16}
    expected = RAMP / 319 * 255
    np.testing.assert_array_equal(data.test_images([0])[0, 1].numpy(), expected.round())


def test_floating_point_images_of_different_ranges_are_refused(tmp_path: Path) -> None:
    files = [str(tmp_path / "a.tif"), str(tmp_path / "b.tif")]
    replace_image(tmp_path / "a.tif", (RAMP / 319).astype(np.float32))
    replace_image(tmp_path / "b.tif", (RAMP / 2).astype(np.float32))
    with pytest.raises(DataError, match=r"a\.tif has .* up to 1, .*b\.tif up to 159\.5; save all"):
        combine(files, survey_files(files))


def test_pixels_without_a_rule_stop_before_decoding(
    pets: Path, folder_data: MakeData, tmp_path: Path
) -> None:
    (pets / "train" / "dog" / "000.png").unlink()
    replace_image(pets / "train" / "dog" / "f.tif", np.full((16, 20), -1, np.float32))
    with pytest.raises(DataError, match=r"f\.tif has floating-point pixels from -1 to -1; save"):
        folder_data(pets)
    assert not list((tmp_path / "cache").glob("*.npy"))


def test_the_survey_is_reused_until_a_file_changes(
    pets: Path, folder_data: MakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = folder_data(mixed(pets)).survey
    calls = []
    make = survey_cache._make
    monkeypatch.setattr(survey_cache, "_make", lambda *all: (calls.append(1), make(*all))[1])
    assert folder_data(pets, image_size=8).survey == first
    assert not calls
    replace_image(pets / "test" / "dog" / "001.png", RAMP.astype(np.uint8))
    assert folder_data(pets).survey != first
    assert calls == [1]


def test_an_invalid_survey_is_made_again(pets: Path, folder_data: MakeData, tmp_path: Path) -> None:
    first = folder_data(mixed(pets)).survey
    (file,) = (tmp_path / "cache").glob("*.survey.json")
    file.write_text('{"sha256": []')
    assert folder_data(pets).survey == first


def test_notes_name_the_range_and_the_counts(
    pets: Path,
    folder_data: MakeData,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    survey = folder_data(mixed(pets)).survey
    assert survey is not None
    caplog.set_level(logging.INFO)
    report_conversions(survey)
    printed = capsys.readouterr().err.splitlines()
    assert printed[0] == (
        "cnncompare: note: 2 of 26 images have 16-bit pixels, scaled from 0 to 4095 "
        "(all of them use 12 bits or fewer)"
    )
    assert len(printed) == 3
    assert [record.message for record in caplog.records] == list(conversion_notes(survey).values())
    assert "1 of 26 images have palette colours, converted to RGB or grey" in caplog.text
