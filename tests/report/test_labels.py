"""Labels neither overlap nor change their order."""

import numpy as np
import pytest

from cnncompare.report.charts.labels import LINE, position_labels, spread_labels


@pytest.mark.parametrize("seed", range(5))
def test_labels_at_the_ends_of_lines_are_a_line_apart_in_their_order(seed: int) -> None:
    values = np.random.default_rng(seed).normal(95, 0.5, 12).tolist()
    placed = spread_labels(values, (80.0, 100.0), 320)
    pixels = np.sort(np.array(placed) * 320 / 20)
    assert np.diff(pixels).min() >= LINE - 1e-6
    assert np.argsort(placed).tolist() == np.argsort(values).tolist()


def test_labels_with_room_stay_where_they_are() -> None:
    assert spread_labels([10.0, 50.0, 90.0], (0.0, 100.0), 320) == pytest.approx([10, 50, 90])
    close = spread_labels([50.0, 50.0], (0.0, 100.0), 320)
    assert np.mean(close) == pytest.approx(50)


def test_labels_of_dots_do_not_overlap() -> None:
    rng = np.random.default_rng(0)
    points = [(float(x), float(y)) for x, y in rng.uniform(40, 260, (15, 2))]
    texts = [f"network{i}" for i in range(15)]
    placed = position_labels(points, texts, 300)
    boxes = []
    for (x, y), text, at in zip(points, texts, placed, strict=True):
        if at is not None:
            width = 6.3 * len(text)
            left = x + at.dx - {"left": 0, "center": width / 2, "right": width}[at.align]
            boxes.append((left, y + at.dy - LINE / 2, left + width, y + at.dy + LINE / 2))
    assert len(boxes) >= 10
    for i, (a, b, c, d) in enumerate(boxes):
        for e, f, g, h in boxes[:i]:
            assert c <= e or g <= a or d <= f or h <= b


def test_a_label_without_room_is_left_out() -> None:
    points = [(150.0, 150.0)] * 30
    placed = position_labels(points, ["a-long-name-of-a-network"] * 30, 300)
    assert placed[0] is not None
    assert placed[-1] is None
