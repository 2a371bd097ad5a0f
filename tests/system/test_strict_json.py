import json
import math
from typing import NoReturn

import pytest

from cnncompare.system import strict_json


def refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_becomes_null_at_any_depth(number: float) -> None:
    text = strict_json.dumps({"a": [number, {"b": (1.5, number)}], "c": number})
    assert json.loads(text, parse_constant=refuse) == {"a": [None, {"b": [1.5, None]}], "c": None}


def test_all_else_is_written_as_by_json() -> None:
    content = {"n": 3, "share": 0.1, "name": "ß", "none": None, "yes": True, "list": [1, "x"]}
    assert strict_json.dumps(content, indent=2) == json.dumps(content, indent=2)
    assert strict_json.dumps(content, ensure_ascii=False) == json.dumps(content, ensure_ascii=False)
