import numpy as np

from cnncompare.plotting.heat_map import heat_overlay


def test_without_heat_the_image_is_grey() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    image = np.asarray(heat_overlay(pixels, np.zeros((20, 30), np.float32), 10))
    assert image.shape == (20, 30, 3)
    assert np.array_equal(image[..., 0], image[..., 2])
    luminance = pixels @ np.array([0.299, 0.587, 0.114])  # ITU-R 601
    assert np.abs(image[..., 0] - luminance).max() <= 1


def test_the_colour_lies_where_the_heat_is_and_small_images_are_enlarged() -> None:
    pixels = np.full((8, 8, 1), 128, dtype=np.uint8)
    heat = np.zeros((8, 8), np.float32)
    heat[:4, 4:] = 1
    image = np.asarray(heat_overlay(pixels, heat, 30)).astype(int)
    assert image.shape == (32, 32, 3)
    assert (image[20:, :] == 128).all()
    red, green, blue = image[4, 28]
    assert red > green > blue + 50  # yellow
