"""YAML of limited depth, which no nesting crashes."""

import pytest
import yaml

from cnncompare.system import strict_yaml

DEEP = 100_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * DEEP,
        "[" * DEEP + "]" * DEEP,
        "{a: " * DEEP + "1" + "}" * DEEP,
        "- " * DEEP + "1",
        "? " * DEEP + "1",
        "\n".join(" " * depth + "a:" for depth in range(300)),
    ],
)
def test_deep_nesting_is_an_error_and_not_a_crash(text: str) -> None:
    with pytest.raises(ValueError, match="nested more than 100 levels deep"):
        strict_yaml.loads(text)


@pytest.mark.parametrize(
    "text",
    ["a: [", "a: !!python/object/apply:os.getpid []", "\x00", "a: &x [*x, *y]"],
)
def test_what_is_not_valid_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"flow node|constructor|character|undefined alias"):
        strict_yaml.loads(text)


def test_ordinary_documents_are_those_of_yaml() -> None:
    text = yaml.safe_dump(
        {"a": {"b": [[1, 2], [None, True]]}, "c": [{"d": str(n)} for n in range(200)]}
    )
    assert strict_yaml.loads(text) == yaml.safe_load(text)
    flow = "{" + ", ".join(f"k{n}: [{n}]" for n in range(200)) + "}"
    assert strict_yaml.loads(flow) == {f"k{n}": [n] for n in range(200)}
