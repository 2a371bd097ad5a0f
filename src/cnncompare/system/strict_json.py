"""JSON that every strict parser reads: numbers that are not finite become null."""

import json
import math
from typing import Any


def dumps(content: Any, *, indent: int | None = None, ensure_ascii: bool = True) -> str:
    """Return `content` as JSON, with null in place of NaN and infinity."""
    return json.dumps(
        without_non_finite(content), indent=indent, ensure_ascii=ensure_ascii, allow_nan=False
    )


def without_non_finite(content: Any) -> Any:
    """Return the nested dicts and lists with None in place of each number that is not finite."""
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {key: without_non_finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [without_non_finite(item) for item in content]
    return content
