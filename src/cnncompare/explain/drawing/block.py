"""The drawing of the layers and branches within a block, from left to right."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from cnncompare.explain.drawing.svg import Canvas
from cnncompare.explain.stages import Stage, window_text
from cnncompare.models.operations import Operation

_BOX = (110.0, 40.0)
_COLUMN = 156.0
_ROW = 54.0
_SIGNS = {"add": "+", "multiply": "\N{MULTIPLICATION SIGN}", "product": "\N{MIDDLE DOT}"}
_INPUT = -2  # number of the block's input in its graph


@dataclass(frozen=True)
class _Node:
    """An operation of a block at its position; those without a box are small circles."""

    operation: Operation | None
    column: int
    row: float


def draw_block(canvas: Canvas, stage: Stage, left: float, top: float) -> None:
    """Draw one block of the stage below and to the right of a point."""
    operations = [o for o in _typical(stage) if o.kind != "norm"]
    graph = _inputs(operations)
    nodes = _placed(operations, graph)
    rows = [node.row for node in nodes.values()]
    origin = (left + 20, top + 46 + _ROW * (_detours(nodes, graph) - min(rows)))
    canvas.text(left, top, _heading(stage), 13.5, bold=True, anchor="start")
    _draw_edges(canvas, nodes, graph, origin)
    for node in nodes.values():
        _draw_node(canvas, node, origin)
    ends = [number for number in nodes if not any(number in of for of in graph.values())]
    for number in ends:
        x, y = _centre(nodes[number], origin)
        half = _half_width(nodes[number])
        canvas.line([(x + half, y), (x + half + 34, y)], arrow=True)


def _typical(stage: Stage) -> tuple[Operation, ...]:
    """Return the operations of the most frequent form of the block; of equals, the smallest."""
    forms = Counter(map(_form, stage.operations))
    return max(stage.operations, key=lambda block: (forms[_form(block)], -len(block)))


def _form(block: tuple[Operation, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((operation.kind, window_text(operation)) for operation in block)


def _heading(stage: Stage) -> str:
    name = stage.title[0].upper() + stage.title[1:]
    operations = _typical(stage)
    joined = operations[-1].output
    return f"{name} (output {joined[0]:,} channels)" if len(joined) == 3 else name


def _inputs(operations: list[Operation]) -> dict[int, list[int]]:
    """Return the inputs of each operation; those from outside are the block's input."""
    inside = {operation.number for operation in operations}
    return {
        operation.number: list(
            dict.fromkeys(source if source in inside else _INPUT for source in operation.inputs)
        )
        for operation in operations
    }


def _placed(operations: list[Operation], graph: dict[int, list[int]]) -> dict[int, _Node]:
    """Return the nodes: a column after those of the inputs, and branches in rows."""
    columns = {_INPUT: 0}
    for operation in operations:
        columns[operation.number] = 1 + max(columns[number] for number in graph[operation.number])
    members: dict[int, list[int]] = defaultdict(list)
    for number, column in columns.items():
        members[column].append(number)
    rows: dict[int, float] = {_INPUT: 0.0}
    for column in sorted(members)[1:]:
        wishes = {
            number: sum(rows[source] for source in graph[number]) / len(graph[number])
            for number in members[column]
        }
        for number, row in _spread(wishes).items():
            rows[number] = row
    by_number = {operation.number: operation for operation in operations}
    return {
        number: _Node(by_number.get(number), column, rows[number])
        for number, column in columns.items()
    }


def _spread(wishes: dict[int, float]) -> dict[int, float]:
    """Return rows at a distance of 1 or more, near the wishes and in their order."""
    order = sorted(wishes, key=lambda number: (wishes[number], number))
    rows: list[float] = []
    for number in order:
        rows.append(max(wishes[number], rows[-1] + 1) if rows else wishes[number])
    shift = sum(wishes[n] - row for n, row in zip(order, rows, strict=True)) / len(rows)
    return {number: row + shift for number, row in zip(order, rows, strict=True)}


def _is_passed(nodes: dict[int, _Node], source: int, target: int) -> bool:
    """Return whether an edge skips a column, so that it needs a way around the boxes."""
    return nodes[target].column - nodes[source].column > 1


def _detours(nodes: dict[int, _Node], graph: dict[int, list[int]]) -> float:
    """Return the height above the boxes that edges around them need, in rows."""
    lanes = [
        source
        for target, sources in graph.items()
        for source in sources
        if _is_passed(nodes, source, target) and not _row_is_free(nodes, source, target)
    ]
    return 0.55 * min(len(lanes), 1) + 0.22 * max(0, len(lanes) - 1)


def _centre(node: _Node, origin: tuple[float, float]) -> tuple[float, float]:
    return origin[0] + node.column * _COLUMN, origin[1] + node.row * _ROW


def _has_box(node: _Node) -> bool:
    return node.operation is not None and node.operation.kind not in _SIGNS


def _half_width(node: _Node) -> float:
    if node.operation is None:
        return 22.0
    return _BOX[0] / 2 if _has_box(node) else 13.0


def _draw_node(canvas: Canvas, node: _Node, origin: tuple[float, float]) -> None:
    x, y = _centre(node, origin)
    width, height = 2 * _half_width(node), _BOX[1] if _has_box(node) else 26.0
    if node.operation is None:
        canvas.rectangle(x - width / 2, y - height / 2, width, height, "image")
        canvas.text(x, y + 4, "input", 11)
        return
    kind = node.operation.kind
    if kind in _SIGNS:
        canvas.rectangle(x - 13, y - 13, 26, 26, "join", radius=13)
        canvas.text(x, y + 6, _SIGNS[kind], 18)
        return
    colours = {"conv": "conv", "linear": "linear", "concat": "join", "join": "join"}
    canvas.rectangle(x - width / 2, y - height / 2, width, height, colours.get(kind, "pool"))
    first, second = _label(node.operation, is_first=node.column == 1)
    canvas.text(x, y + (-2 if second else 4), first, 12)
    if second:
        canvas.text(x, y + 13, second, 10.5, soft=True)


def _label(operation: Operation, is_first: bool) -> tuple[str, str]:
    """Return the two lines in a box."""
    channels, window = f"{operation.output[0]:,} channels", operation.window
    if operation.kind == "linear":
        return "linear", channels
    if operation.kind == "conv":
        groups = window.groups if window else 1
        if groups > 1 and groups == operation.output[0]:
            return f"depthwise {window_text(operation)}", channels
        grouped = f", {groups} groups" if groups > 1 else ""
        detail = f"{operation.output[0]:,} ch.{grouped}" if grouped else channels
        return f"conv {window_text(operation)}", detail
    if operation.kind == "concat" and is_first:
        return "concat", "earlier outputs"
    name = {"average pool": "avg pool", "join": "mean"}.get(operation.kind, operation.kind)
    text = window_text(operation) if operation.window else channels
    return name, text


def _draw_edges(
    canvas: Canvas,
    nodes: dict[int, _Node],
    graph: dict[int, list[int]],
    origin: tuple[float, float],
) -> None:
    rows = [node.row for node in nodes.values()]
    middle, lanes = (min(rows) + max(rows)) / 2, {True: 0, False: 0}
    for target, sources in graph.items():
        for source in sources:
            (x1, y1), (x2, y2) = _centre(nodes[source], origin), _centre(nodes[target], origin)
            start = (x1 + _half_width(nodes[source]), y1)
            end = (x2 - _half_width(nodes[target]), y2)
            if not _is_passed(nodes, source, target):
                canvas.line([start, end], arrow=True)
            elif _row_is_free(nodes, source, target):
                canvas.line([start, (x2 - _COLUMN + _BOX[0] / 2 + 8, y1), end], arrow=True)
            else:
                below = nodes[source].row > middle
                distance = 0.62 + 0.22 * lanes[below]
                height = max(rows) + distance if below else min(rows) - distance
                canvas.curve(start, origin[1] + height * _ROW, end)
                lanes[below] += 1


def _row_is_free(nodes: dict[int, _Node], source: int, target: int) -> bool:
    """Return whether no box lies between the two in the row of the source."""
    return not any(
        nodes[source].column < node.column < nodes[target].column
        and abs(node.row - nodes[source].row) < 0.75
        for node in nodes.values()
    )
