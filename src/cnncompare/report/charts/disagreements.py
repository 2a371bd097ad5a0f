"""A sheet of the test images on which the models disagree most."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnncompare.comparison.agreement import most_disputed
from cnncompare.comparison.compare import ComparedTable
from cnncompare.comparison.load import Result
from cnncompare.comparison.predictions import PredictionAnalysis
from cnncompare.config.data import IMAGE_SUFFIXES
from cnncompare.language.catalogue import marked, tr
from cnncompare.plotting.image_sheet import Tile, data_url, image_sheet, sheet_size
from cnncompare.report.charts.figure import Figure
from cnncompare.runs.run import UNREADABLE_ARRAYS, images_file

MOST_IMAGES, COLUMNS = 24, 6
MOST_RUNS = 3  # in which the images are looked for


def disputed_images_figure(table: ComparedTable, details: PredictionAnalysis) -> Figure | None:
    """Draw the disputed images with their classes and scores; None if there are no images."""
    if len(details.chosen) < 2:
        return None
    disputed = most_disputed(details.chosen, MOST_IMAGES)
    urls = _first_image_urls(table, details, disputed)
    if not urls:
        return None
    pairs = zip(disputed, urls, strict=True)
    tiles = [_tile(details, int(position), url) for position, url in pairs]
    width, height = sheet_size(len(tiles), COLUMNS)
    return Figure(
        "disputed",
        tr("Most disputed test images"),
        tr(
            "Below each image: its true class, and the number of models that classify it "
            "correctly. Hover over an image for their names."
        ),
        "; ".join(f"{tile.title}: {tile.subtitle}" for tile in tiles),
        image_sheet(tiles, COLUMNS),
        height=height,
        width=width,
    )


def _first_image_urls(
    table: ComparedTable, details: PredictionAnalysis, positions: NDArray[np.int64]
) -> list[str] | None:
    """Return the images as data URLs from the first runs that have them, None if none has."""
    results = [result for row in table.rows for result in row.group.results]
    index = next(iter(details.chosen.values())).index
    if index is not None:
        return _from_folds(results, index[positions])
    found = (_image_urls(result, positions) for result in results[:MOST_RUNS])
    return next((urls for urls in found if urls), None)


def _from_folds(results: Sequence[Result], images: NDArray[np.int64]) -> list[str] | None:
    """Return images from the copies that the runs on several folds kept.

    `images`, int64 [n], are their positions among all images of the data set.
    """
    urls: dict[int, str] = {}
    for result in {result.data.fingerprint: result for result in results}.values():
        tested = result.outcome.index if result.outcome else None
        if tested is not None:
            own = np.intersect1d(images, tested)
            kept = _from_kept_images(result, np.searchsorted(tested, own)) or []
            urls |= dict(zip(own.tolist(), kept, strict=False))
    found = [urls[image] for image in images.tolist() if image in urls]
    return found if len(found) == len(images) else None


def _tile(details: PredictionAnalysis, position: int, url: str) -> Tile:
    outcomes = details.chosen.items()
    right = [label for label, outcome in outcomes if outcome.correct1[position]]
    wrong = [
        f"{label}: {details.names[int(outcome.top1[position])]}"
        for label, outcome in outcomes
        if not outcome.correct1[position]
    ]
    true = details.names[int(next(iter(details.chosen.values())).label[position])]
    texts = {"class": true, "right": ", ".join(right), "wrong": ", ".join(wrong)}
    score = tr("{some} of {n} right", some=len(right), n=len(details.chosen))
    fields = {tr(name): text for name, text in texts.items()}
    return Tile(url, true, score, {**fields, tr("position"): position})


# fields of the tooltips
_FIELDS = (marked("class"), marked("right"), marked("wrong"), marked("position"))


def _image_urls(result: Result, positions: NDArray[np.int64]) -> list[str] | None:
    """Return the images as data URLs, from the copy that the run kept or the folder it read."""
    return _from_kept_images(result, positions) or _from_folder(result, positions)


def _from_kept_images(result: Result, positions: NDArray[np.int64]) -> list[str] | None:
    images = open_kept_images(result)
    return None if images is None else [data_url(np.asarray(images[i])) for i in positions]


def open_kept_images(result: Result) -> NDArray[np.uint8] | None:
    """Open test-images-<fingerprint[:12]>.npy, uint8 [N, H, W, C], next to the run's folder."""
    path = result.run.folder.parent / images_file(result.data.fingerprint)
    try:
        images: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except UNREADABLE_ARRAYS:
        return None
    if images.ndim != 4 or images.dtype != np.uint8 or len(images) != result.data.n_test:
        return None
    return images


def _from_folder(result: Result, positions: NDArray[np.int64]) -> list[str] | None:
    files = find_test_files(result)
    if files is None:
        return None
    try:
        return [data_url(_pixels(files[i])) for i in positions]
    except OSError:
        return None


def find_test_files(result: Result) -> list[Path] | None:
    """Return the files of a complete class-folder tree whose labels are still those of the run."""
    root, config = result.config.get("data.root"), result.config
    complete = all(config.get(f"data.{key}") is None for key in ("limit_test", "split", "labels"))
    if config.get("data.source") != "folder" or not isinstance(root, str) or not complete:
        return None
    try:
        files = _class_files(Path(root).expanduser() / "test")
        labels = np.array([label for label, _ in files])
        if result.outcome is None or not np.array_equal(labels, result.outcome.label):
            return None
        return [path for _, path in files]
    except OSError:
        return None


def _class_files(folder: Path) -> list[tuple[int, Path]]:
    """Return the label and path of each image of a class-folder tree."""
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    return [
        (label, path)
        for label, members in enumerate(classes)
        for path in sorted(members.iterdir())
        if path.suffix.lower() in IMAGE_SUFFIXES
    ]


def _pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
