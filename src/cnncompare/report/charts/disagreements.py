"""A sheet of the test images on which the models disagree most."""

import base64
import io
from pathlib import Path

import altair as alt
import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.agreement import most_disputed
from cnncompare.comparison.compare import ComparedTable
from cnncompare.comparison.load import Result
from cnncompare.comparison.predictions import PredictionAnalysis
from cnncompare.config.data import IMAGE_SUFFIXES
from cnncompare.report.charts.figure import Picture, values
from cnncompare.runs.run import images_file

IMAGES, COLUMNS = 24, 6
SIDE = 64  # pixels of a thumbnail


def sheet(table: ComparedTable, details: PredictionAnalysis) -> Picture | None:
    """Draw the disputed images with their class and who got them right; None without images."""
    if len(details.chosen) < 2:
        return None
    disputed = most_disputed(details.chosen, IMAGES)
    results = [result for row in table.rows for result in row.group.results]
    images = next((found for r in results[:3] if (found := _thumbnails(r, disputed))), None)
    if not images:
        return None
    labels = next(iter(details.chosen.values())).label
    rows = [
        {
            "x": k % COLUMNS,
            "y": k // COLUMNS,
            "url": image,
            "index": int(i),
            "class": details.names[int(labels[i])],
            **_answers(details, int(i)),
        }
        for k, (i, image) in enumerate(zip(disputed, images, strict=True))
    ]
    lines = (len(rows) + COLUMNS - 1) // COLUMNS
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-0.5, COLUMNS - 0.5], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[lines - 0.35, -0.5], nice=False))
    tip: list[str | alt.Tooltip] = [
        "class:N",
        "right:N",
        "wrong:N",
        alt.Tooltip("index:Q", title="image number"),
    ]
    base = alt.Chart(values(rows)).encode(x=x, y=y, tooltip=tip)
    image = base.mark_image(width=SIDE, height=SIDE).encode(url="url:N")
    name = base.mark_text(dy=SIDE // 2 + 9, fontSize=10, fontWeight="bold").encode(text="class:N")
    count = base.mark_text(dy=SIDE // 2 + 21, fontSize=9).encode(text="score:N")
    return Picture(
        "disputed",
        "Images on which the models disagree most",
        "Under each: the true class, and how many models got it right. Point at one to see which.",
        "; ".join(f"{r['class']}: {r['score']}" for r in rows),
        alt.layer(image, name, count),
        height=lines * (SIDE + 40),
        width=COLUMNS * (SIDE + 34),
    )


def _answers(details: PredictionAnalysis, i: int) -> dict[str, str]:
    right = [label for label, outcome in details.chosen.items() if outcome.correct1[i]]
    wrong = [
        f"{label}: {details.names[int(outcome.top1[i])]}"
        for label, outcome in details.chosen.items()
        if not outcome.correct1[i]
    ]
    score = f"{len(right)} of {len(details.chosen)} right"
    return {"right": ", ".join(right), "wrong": ", ".join(wrong), "score": score}


def _thumbnails(result: Result, indices: NDArray[np.int64]) -> list[str] | None:
    """Return the images as data URLs, from what the run saved or the folder it read."""
    return _from_saved(result, indices) or _from_folder(result, indices)


def _from_saved(result: Result, indices: NDArray[np.int64]) -> list[str] | None:
    """Read test-images-<fingerprint[:12]>.npy, uint8 [N, H, W, C], beside the run's folder."""
    path = result.run.folder.parent / images_file(result.data.fingerprint)
    try:
        saved = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return None
    if saved.ndim != 4 or saved.dtype != np.uint8 or len(saved) != result.data.n_test:
        return None
    return [_url(np.asarray(saved[i])) for i in indices]


def _from_folder(result: Result, indices: NDArray[np.int64]) -> list[str] | None:
    """Read the files of an unlimited class-folder tree whose labels are still the saved ones."""
    root, settings = result.config.get("data.root"), result.config
    whole = settings.get("data.limit_test") is None and settings.get("data.split") is None
    if settings.get("data.source") != "folder" or not isinstance(root, str) or not whole:
        return None
    test = Path(root).expanduser() / "test"
    try:
        folders = sorted(entry for entry in test.iterdir() if entry.is_dir())
        files = [(k, f) for k, folder in enumerate(folders) for f in _files(folder)]
        labels = np.array([k for k, _ in files])
        if result.outcome is None or not np.array_equal(labels, result.outcome.label):
            return None
        return [_url(_decoded(files[i][1])) for i in indices]
    except OSError:
        return None


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)


def _decoded(path: Path) -> NDArray[np.uint8]:
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _url(pixels: NDArray[np.uint8]) -> str:
    from PIL import Image

    flat = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    image = Image.fromarray(flat)
    image.thumbnail((2 * SIDE, 2 * SIDE))
    if max(image.size) < SIDE:
        factor = SIDE // max(image.size) or 1
        image = image.resize(
            (image.width * factor, image.height * factor), Image.Resampling.NEAREST
        )
    content = io.BytesIO()
    image.save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
