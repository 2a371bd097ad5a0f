"""Choose the columns of images and labels in tables of Hugging Face `datasets`."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncompare.config.data import HUB_PREFIX
from cnncompare.data.sources.class_coverage import check_classes, name_classes
from cnncompare.data.sources.class_sizes import ClassSizes
from cnncompare.data.sources.image_tables import (
    ImageTable,
    find_tables,
    read_rows,
    require_packages,
)
from cnncompare.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_IMAGE_NAMES = ("image", "img", "images", "photo")  # preferred where several columns fit
_LABEL_NAMES = ("label", "labels", "class", "target")


class Columns(NamedTuple):
    """The columns of images and labels; `classes` names the numbers in the label column."""

    image: str
    label: str
    classes: tuple[str, ...] | None


def count_table_labels(root: str, label: str | None) -> ClassSizes | None:
    """Return the number of images of each class, or None for a data set on the hub.

    Reads the column of labels alone and downloads nothing. Raises a UserError if `root` holds no
    readable images and labels.
    """
    require_packages(root)
    if root.startswith(HUB_PREFIX):
        return None
    tables = find_tables(root)
    columns = choose_columns(tables, label)
    counts: dict[str, Counter[int | str]] = {}
    for table in tables:
        counts.setdefault(table.split, Counter()).update(_labels(table, columns.label))
    values = sorted(set().union(*counts.values()))
    classes = name_classes(values, columns.classes, root)
    names = dict(zip(values, classes, strict=True))
    check_classes(root, {split: {names[x] for x in count} for split, count in counts.items()})
    return ClassSizes(classes, {s: [count[x] for x in values] for s, count in counts.items()})


def choose_columns(tables: list[ImageTable], label: str | None) -> Columns:
    """Return the columns that all tables share; `label` is the requested column, if any.

    Raises DataError if a column is missing or ambiguous, or if the tables differ.
    """
    chosen = [_columns_of(table, label) for table in tables]
    for table, columns in zip(tables, chosen, strict=True):
        if columns != chosen[0]:
            raise DataError(
                f"{table.name} has other columns or class names than {tables[0].name}; set "
                f"data.root to a folder with one data set"
            )
    return chosen[0]


def _labels(table: ImageTable, column: str) -> Iterator[Any]:
    """Yield the labels. Raises DataError for a row without one, or a table that ends early."""
    rows = read_rows(table, [column])
    for row, (label,) in enumerate(rows):
        check_label(label, f"{table.name} row {row}", column)
        yield label


def check_label(label: object, row: str, column: str) -> None:
    """Raise DataError if a row, named `row`, has no label."""
    if label is None or label == "" or (isinstance(label, int) and label < 0):
        raise DataError(f"{row} has no label ({column}={label!r}); remove such rows")


def _columns_of(table: ImageTable, label: str | None) -> Columns:
    features = _features(table)
    image = _choose(
        table,
        "image",
        [field.name for field in table.schema if _is_image(field, features)],
        _IMAGE_NAMES,
    )
    if label is not None and label not in table.schema.names:
        raise DataError(f"data.labels={label}: {table.name} has no such column{_found(table)}")
    label_column = label or _choose(
        table, "label", _label_candidates(table, features), _LABEL_NAMES
    )
    if not _is_label(table.schema.field(label_column)):
        raise DataError(
            f"{table.name}: the column {label_column} has the type "
            f"{table.schema.field(label_column).type}; labels are integers or strings"
        )
    names = features.get(label_column, {}).get("names")
    return Columns(image, label_column, None if names is None else tuple(map(str, names)))


def _features(table: ImageTable) -> dict[str, dict[str, Any]]:
    """Return the description of each column that `datasets` stores in the schema's metadata."""
    stored = (table.schema.metadata or {}).get(b"huggingface")
    try:
        features = json.loads(stored)["info"]["features"] if stored else {}
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{table.name}: the metadata 'huggingface' is not readable") from None
    items = features.items() if isinstance(features, dict) else ()
    return {name: value for name, value in items if isinstance(value, dict)}


def _choose(table: ImageTable, kind: str, candidates: list[str], preferred: tuple[str, ...]) -> str:
    if len(candidates) > 1:
        named = [name for name in candidates if name.lower() in preferred]
        candidates = named if len(named) == 1 else candidates
    if not candidates:
        raise DataError(
            f"{table.name} has no column of {kind}s{_found(table)}; images are encoded files "
            f"(bytes, as in JPEG or PNG), labels integers or strings"
        )
    if len(candidates) > 1:
        advice = "set data.labels=COLUMN" if kind == "label" else "keep one"
        raise DataError(
            f"{table.name} has several columns of {kind}s: {', '.join(candidates)}; {advice}"
        )
    return candidates[0]


def _label_candidates(table: ImageTable, features: dict[str, dict[str, Any]]) -> list[str]:
    labels = [name for name, value in features.items() if value.get("_type") == "ClassLabel"]
    if labels:
        return labels
    return [f.name for f in table.schema if _is_label(f) and f.name.lower() in _LABEL_NAMES]


def _is_image(field: "pa.Field", features: dict[str, dict[str, Any]]) -> bool:
    import pyarrow.types as types

    if types.is_struct(field.type):
        return "bytes" in [inner.name for inner in field.type]
    is_binary = types.is_binary(field.type) or types.is_large_binary(field.type)
    return is_binary and features.get(field.name, {}).get("_type", "Image") in ("Image", "Value")


def _is_label(field: "pa.Field") -> bool:
    import pyarrow.types as types

    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    return bool(types.is_integer(kind) or types.is_string(kind) or types.is_large_string(kind))


def _found(table: ImageTable) -> str:
    columns = ", ".join(f"{field.name} ({field.type})" for field in table.schema)
    return f" (its columns: {columns[:200]})"
