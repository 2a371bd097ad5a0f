"""Drawings: well-formed SVG that stands alone, with the layers of the papers' figures."""

from xml.etree import ElementTree

import pytest

from cnncompare.explain.drawing.draw import draw_network
from cnncompare.explain.explanation import explain
from cnncompare.explain.stages import find_stages
from cnncompare.explain.subject import find_subject

TEXT = "{http://www.w3.org/2000/svg}text"
TIMES, THIN = "\N{MULTIPLICATION SIGN}", "\N{THIN SPACE}"


def drawing_of(name: str, size: int | None = None) -> ElementTree.Element:
    svg = draw_network(explain(find_subject(name), size))
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    return ElementTree.fromstring(svg)


def texts_of(name: str, size: int | None = None) -> list[str]:
    return [element.text or "" for element in drawing_of(name, size).iter(TEXT)]


def test_lenet5_has_the_labels_of_figure_2() -> None:
    texts = texts_of("lenet5")
    names = ["INPUT", "C1", "S2", "C3", "S4", "C5", "F6", "OUTPUT"]
    assert [text for text in texts if text in names] == names
    assert {"6@28x28", "6@14x14", "16@10x10", "16@5x5", "120 units", "84 units"} <= {*texts}


def test_alexnet2012_has_the_two_towers_of_figure_2() -> None:
    texts = texts_of("alexnet2012")
    towers = [f"2{THIN}{TIMES}{THIN}{n}" for n in ("48", "128", "192", "192", "128")]
    assert [text for text in texts if text in towers] == towers
    assert texts.count(f"2{THIN}{TIMES}{THIN}2,048") == 2
    assert f"conv 11{TIMES}11 / 4" in texts


def test_alexnet_is_one_tower() -> None:
    texts = texts_of("alexnet")
    assert [text for text in texts if text in ("64", "192", "384", "256")] == [
        *("64", "192", "384", "256", "256"),
    ]


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("resnet18", [("basic block", 2)] * 4),
        ("googlenet", [("inception block", n) for n in (2, 5, 2)]),
        ("densenet121", [("dense layer", n) for n in (6, 12, 24, 16)]),
        ("fractalnet", [("fractal block", 1)] * 5),
        (
            "inception_v3",
            [(f"inception {kind}", n) for kind, n in zip("ABCDE", (3, 1, 4, 1, 2), strict=True)],
        ),
    ],
)
def test_stages_are_the_blocks_of_the_paper(name: str, blocks: list[tuple[str, int]]) -> None:
    explanation = explain(find_subject(name), None)
    stages = find_stages(explanation.network, explanation.table.operations)
    assert [(stage.title, stage.count) for stage in stages if stage.kind == "block"] == blocks
    texts = texts_of(name)
    for _, count in blocks:
        assert count == 1 or f"{TIMES}{THIN}{count}" in texts


def test_a_dense_block_ends_with_the_channels_of_all_layers() -> None:
    explanation = explain(find_subject("densenet121"), None)
    stages = find_stages(explanation.network, explanation.table.operations)
    outputs = [stage.output[0] for stage in stages if stage.kind == "block"]
    assert outputs == [256, 512, 1024, 1024]  # table 1 of the paper: twice the transitions' output


@pytest.mark.parametrize("name", ["lenet5", "alexnet2012", "vgg16", "resnet18", "inception_v3"])
def test_everything_lies_within_the_drawing(name: str) -> None:
    root = drawing_of(name)
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    for element in root.iter():
        if "x" in element.attrib and "y" in element.attrib:
            x, y = float(element.attrib["x"]), float(element.attrib["y"])
            assert left <= x <= left + width
            assert top <= y <= top + height


@pytest.mark.parametrize("name", ["lenet5", "vgg16", "googlenet", "densenet121"])
def test_texts_do_not_overlap(name: str) -> None:
    boxes = []
    for element in drawing_of(name).iter(TEXT):
        x, y = float(element.attrib["x"]), float(element.attrib["y"])
        size, width = float(element.attrib["font-size"]), 0.5 * len(element.text or "")
        half = size * width / 2
        x += half if element.attrib["text-anchor"] == "start" else 0
        boxes.append((x - half, x + half, y - 0.7 * size, y))
    for number, (left, right, top, bottom) in enumerate(boxes):
        for other in boxes[number + 1 :]:
            apart = other[0] >= right or other[1] <= left or other[2] >= bottom or other[3] <= top
            assert apart, (boxes[number], other)
