"""Class activation maps of the test images on which the networks disagree, for ``report --cam``.

They need the checkpoints and the test images of the runs. Their computation alone imports torch.
"""

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.agreement import most_disputed
from cnncompare.comparison.compare import ComparedTable, Comparison
from cnncompare.comparison.load import Result
from cnncompare.comparison.outcome import Outcome
from cnncompare.comparison.predictions import PredictionAnalysis
from cnncompare.errors import DataError, UserError
from cnncompare.report.charts.build import Figures
from cnncompare.report.charts.class_maps import DisputedImage, NetworkMap, class_maps_figure
from cnncompare.report.charts.disagreements import find_test_files, open_kept_images

if TYPE_CHECKING:
    from torch import Tensor

    from cnncompare.inference.predictor import Predictor

MOST_IMAGES = 8
MOST_NETWORKS = 10  # the best ones

Seen = tuple[NDArray[np.uint8], NDArray[np.float32]]  # pixels [H, W, C] and map [H, W]


def add_class_maps(
    comparison: Comparison, details: list[PredictionAnalysis | None], figures: list[Figures]
) -> None:
    """Add a sheet to each table's figures on errors; state on stderr why something is left out."""
    several = len(figures) > 1
    for number, table in enumerate(comparison.tables, start=1):
        detail = details[number - 1]
        images = [] if detail is None else _disputed_images(table, detail)
        prefix = f"table-{number}-" if several else ""
        if images:
            figure = class_maps_figure(images)
            figures[number - 1].errors.append(replace(figure, name=prefix + figure.name))


def _disputed_images(table: ComparedTable, details: PredictionAnalysis) -> list[DisputedImage]:
    """Return the images on which the networks disagree most, with the maps that can be made."""
    chosen = details.chosen
    decoded = np.all([outcome.top1 >= 0 for outcome in chosen.values()], axis=0)
    disputed = most_disputed(chosen, len(decoded)) if len(chosen) > 1 else np.array([], dtype=int)
    positions = [int(position) for position in disputed if decoded[position]][:MOST_IMAGES]
    if not positions:
        _note("there is no test image on which networks disagree")
        return []
    labels = [row.group.label for row in table.rows if row.group.label in chosen]
    if len(labels) > MOST_NETWORKS:
        _note(f"only the best {MOST_NETWORKS} of {len(labels)} networks are shown")
    results = {row.group.label: row.group.results for row in table.rows}
    seen = {
        label: maps
        for label in labels[:MOST_NETWORKS]
        if (maps := _try_maps(label, results[label], chosen[label], positions))
    }
    return [_image(details, seen, position) for position in positions] if seen else []


def _image(
    details: PredictionAnalysis, seen: dict[str, dict[int, Seen]], position: int
) -> DisputedImage:
    maps = []
    for label, by_position in seen.items():
        outcome = details.chosen[label]
        predicted = details.names[int(outcome.top1[position])]
        right, confidence = bool(outcome.correct1[position]), float(outcome.confidence[position])
        maps.append(NetworkMap(label, predicted, confidence, right, *by_position[position]))
    outcomes = details.chosen.values()
    true = details.names[int(next(iter(outcomes)).label[position])]
    n_right = sum(bool(outcome.correct1[position]) for outcome in outcomes)
    return DisputedImage(maps[0].pixels, true, n_right, len(outcomes), maps)


def _try_maps(
    label: str, results: Sequence[Result], outcome: Outcome, positions: Sequence[int]
) -> dict[int, Seen]:
    """Return what a network saw at each position; nothing, with a note, if that is impossible."""
    try:
        return _maps(results, outcome, positions)
    except UserError as error:
        _note(f"{label} is left out: {error}")
        return {}


def _maps(results: Sequence[Result], outcome: Outcome, positions: Sequence[int]) -> dict[int, Seen]:
    import torch

    from cnncompare.inference.predictor import Predictor

    by_run: dict[int, list[tuple[int, int]]] = defaultdict(list)  # positions of all, of the run
    for position in positions:
        number, own = _locate(results, outcome, position)
        by_run[number].append((position, own))
    found: dict[int, Seen] = {}
    for number, pairs in by_run.items():
        predictor = Predictor(results[number].run)
        images = torch.stack(_pixels(results[number], predictor, [own for _, own in pairs]))
        classes = torch.tensor([int(outcome.top1[position]) for position, _ in pairs])
        maps = predictor.class_maps(images, classes)
        for (position, _), image, heat in zip(pairs, images, maps, strict=True):
            found[position] = (image.permute(1, 2, 0).numpy(), heat.numpy())
    return found


def _locate(results: Sequence[Result], outcome: Outcome, position: int) -> tuple[int, int]:
    """Return the number of the run that made a prediction, and its position among its images."""
    for number, result in enumerate(results):
        tested = result.outcome
        if tested is outcome:
            return number, position
        if tested is None or tested.index is None or outcome.index is None:
            continue
        own = int(np.searchsorted(tested.index, outcome.index[position]))
        if own < len(tested.index) and tested.index[own] == outcome.index[position]:
            same_class = tested.top1[own] == outcome.top1[position]
            if same_class and tested.confidence[own] == outcome.confidence[position]:
                return number, own
    raise DataError("the run that made its predictions is not known")


def _pixels(result: Result, predictor: "Predictor", positions: Sequence[int]) -> "list[Tensor]":
    """Return test images as the network saw them, uint8 [C, H, W], from a copy or their files."""
    import torch

    kept = open_kept_images(result)
    channels, height, width = predictor.read.shape
    if kept is not None and kept.shape[1:] == (height, width, channels):
        return [torch.from_numpy(np.array(kept[i])).permute(2, 0, 1) for i in positions]
    files = find_test_files(result)
    if files is None:
        raise DataError("its test images are not at hand")
    return [predictor.read(str(files[i])) for i in positions]


def _note(sentence: str) -> None:
    print(f"cnncompare: report --cam: {sentence}", file=sys.stderr)
