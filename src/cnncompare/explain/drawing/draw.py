"""The drawing of a network in the form that suits it."""

from cnncompare.explain.drawing.cuboids import draw_cuboids
from cnncompare.explain.drawing.diagram import draw_diagram
from cnncompare.explain.drawing.planes import draw_planes
from cnncompare.explain.explanation import Explanation
from cnncompare.explain.stages import find_stages, is_chain

MOST_IN_CHAIN = 30  # layers that are drawn one by one


def draw_network(explanation: Explanation) -> str:
    """Return the SVG document: LeNet-5 as planes, other chains as cuboids, the rest as blocks."""
    operations = explanation.table.operations
    stages = find_stages(explanation.network, operations)
    single = all(stage.kind != "block" for stage in stages)
    if explanation.subject.name == "lenet5":
        canvas = draw_planes(explanation.image_shape, stages)
    elif is_chain(operations) and single and len(operations) <= 2 * MOST_IN_CHAIN:
        canvas = draw_cuboids(explanation.image_shape, stages)
    else:
        canvas = draw_diagram(explanation.image_shape, stages)
    return canvas.render(f"Drawing of {explanation.subject.name}")
