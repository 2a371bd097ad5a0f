"""The catalogue has each sentence of the source code, with the same placeholders."""

import ast
import re
import string
from collections.abc import Iterator
from contextlib import suppress
from gettext import GNUTranslations
from pathlib import Path

import pytest

from cnncompare.language.catalogue import LANGUAGES, in_language, language, tr, trc, trn
from tests.language_catalogue import PACKAGE, extracted, po_file, read_catalogue

CALLS = {"tr": (0,), "trn": (0, 1), "trc": (1,), "marked": (0,)}  # positions of the messages
CATALOGUE = "language.catalogue import"  # in each module with messages
TRANSLATED = [name for name in LANGUAGES if name != "en"]


def compiled(name: str) -> GNUTranslations:
    with po_file(name).with_suffix(".mo").open("rb") as file:
        return GNUTranslations(file)


def fields(message: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(message) if field is not None}


def messages_of(path: Path) -> Iterator[str]:
    """Yield the literal messages of a module, also of calls within f-strings."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for position in CALLS.get(node.func.id, ()):
                argument = node.args[position]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


@pytest.mark.parametrize("name", TRANSLATED)
def test_each_sentence_of_the_source_has_a_translation(name: str) -> None:
    known = {key if isinstance(key, str) else key[0] for key in compiled(name)._catalog}  # type: ignore[attr-defined]
    known = {key.rpartition("\x04")[2] for key in known}  # without the context
    plurals = {forms[1] for forms in extracted().values() if len(forms) == 2}
    modules = [path for path in PACKAGE.rglob("*.py") if CATALOGUE in path.read_text("utf-8")]
    written = {message for path in modules for message in messages_of(path)}
    pages = "".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.j2"))
    written |= set(re.findall(r'\btrn?\("([^"]+)"', pages))
    assert len(written) > 400
    assert written - known - plurals == set()


@pytest.mark.parametrize("name", TRANSLATED)
def test_no_sentence_is_left_untranslated_or_of_no_use(name: str) -> None:
    catalogue = read_catalogue(name)
    messages = {(m.context, m.id if isinstance(m.id, str) else m.id[0]): m for m in catalogue}
    del messages[None, ""]
    assert messages.keys() == extracted().keys()
    assert [key for key, m in messages.items() if not m.string or not any(m.string)] == []


@pytest.mark.parametrize("name", TRANSLATED)
def test_a_translation_has_the_placeholders_of_its_sentence(name: str) -> None:
    for message in read_catalogue(name):
        forms = [message.id] if isinstance(message.id, str) else list(message.id)
        texts = [message.string] if isinstance(message.string, str) else list(message.string or ())
        if forms == [""]:
            continue
        wanted = fields(forms[-1]) | ({"n"} if len(forms) == 2 else set())
        for text in texts:
            assert fields(text) <= wanted, forms[0]
            assert (
                fields(forms[0]) <= fields(text) | {"n"}
                if len(forms) == 2
                else (fields(text) == wanted)
            ), forms[0]


@pytest.mark.parametrize("name", TRANSLATED)
def test_the_compiled_file_is_that_of_the_translations(name: str) -> None:
    translations = compiled(name)
    for message in read_catalogue(name):
        if not message.id:
            continue
        if isinstance(message.id, str):
            found = translations.gettext(message.id)
            if message.context:
                found = translations.pgettext(message.context, message.id)
            assert found == message.string
        else:
            singular, plural = message.id
            text = next(iter(message.string or ()))
            assert translations.ngettext(singular, plural, 2) == text


def test_english_is_the_default_and_needs_no_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnncompare.language.catalogue._translations", None)
    assert language() == "en"
    assert tr("{a} and {b}", a="{x}", b=2) == "{x} and 2"
    assert [trn("{n} run", "{n} runs", n) for n in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
    assert trc("split", "test") == "test"


def test_the_language_ends_with_its_block_also_after_an_error() -> None:
    with suppress(KeyError), in_language("ko"):
        assert tr("{n} more", n=3) == "그 밖에 3개"
        assert (tr("test"), trc("split", "test")) == ("검정", "테스트")
        raise KeyError
    assert language() == "en"


def test_an_unknown_sentence_stays_as_it_is() -> None:
    with in_language("ko"):
        assert tr("no such {thing}", thing="sentence") == "no such sentence"
        assert tr("") == ""
