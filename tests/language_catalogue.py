"""Write the catalogue of sentences: ``python -m tests.language_catalogue``.

It extracts the messages of the source code, keeps their translations in cnncompare.po, lists those
that lack one, and compiles cnncompare.mo. Babel is needed for this alone.
"""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from cnncompare.language.catalogue import DOMAIN, LOCALE
from tests.conftest import ROOT

PACKAGE = ROOT / "src" / "cnncompare"
KEYWORDS: dict[str, Any] = {"tr": None, "trn": (1, 2), "trc": ((1, "c"), 2), "marked": None}


Key = tuple[str | None, str]  # context and first form


@cache
def extracted() -> dict[Key, tuple[str, ...]]:
    """Return the forms of each message in the source code: one or, with a plural, two."""
    found: dict[Key, tuple[str, ...]] = {}
    for path, method in _sources():
        for _, message, _, context in extract_from_file(method, path, keywords=KEYWORDS):
            forms = (message,) if isinstance(message, str) else tuple(message)
            key = (context, forms[0])
            found[key] = max(forms, found.get(key, ()), key=len)
    return found


def _sources() -> Iterator[tuple[Path, str]]:
    """Yield the files with messages and the name of Babel's method for them."""
    for path in PACKAGE.rglob("*.py"):
        if "language.catalogue import" in path.read_text("utf-8"):
            yield path, "python"
    for path in PACKAGE.rglob("*.j2"):
        yield path, "jinja2.ext:babel_extract"


def po_file(language: str) -> Path:
    """Return the file with the translations into a language."""
    return LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read_catalogue(language: str) -> Catalog:
    """Return the translations into a language."""
    with po_file(language).open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str) -> Catalog:
    """Return the catalogue of the messages in the source code, with the translations so far."""
    known = read_catalogue(language) if po_file(language).exists() else Catalog(locale=language)
    catalogue = Catalog(locale=language, creation_date=_DATE, revision_date=_DATE)
    for (context, first), forms in sorted(extracted().items(), key=lambda item: item[0][1]):
        old = known.get(first, context)
        text = "" if old is None else _text(old)
        if len(forms) == 1:
            catalogue.add(first, text, context=context)
        else:
            catalogue.add(forms, (text,), context=context)
    for message in catalogue:
        message.flags.discard("python-format")  # a percent sign is none
    return catalogue


_DATE = datetime(2026, 11, 25, tzinfo=UTC)  # equal content, equal files


def as_po(catalogue: Catalog) -> bytes:
    """Return the file for translators: sorted and without line numbers, which change often."""
    content = io.BytesIO()
    write_po(content, catalogue, width=100, no_location=True, omit_header=True)
    return _HEADER.format(language=catalogue.locale).encode() + content.getvalue()


_HEADER = """\
# Sentences of cnncompare in another language, for `python -m tests.language_catalogue`.
# A particle of Korean stands in its placeholder: {{model:은/는}}.
msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""


def untranslated(catalogue: Catalog) -> list[str]:
    """Return the messages without a translation."""
    return [str(message.id) for message in catalogue if message.id and not _text(message)]


def _text(message: Message) -> str:
    """Return the translation, of which languages without plurals have one form."""
    text = message.string or ""
    return text if isinstance(text, str) else text[0]


def main() -> None:
    """Update the files of each language."""
    for language in ("ko",):
        catalogue = updated(language)
        po_file(language).parent.mkdir(parents=True, exist_ok=True)
        po_file(language).write_bytes(as_po(catalogue))
        with po_file(language).with_suffix(".mo").open("wb") as file:
            write_mo(file, catalogue)
        for message in untranslated(catalogue):
            print(f"{language}: no translation: {message}")


if __name__ == "__main__":
    main()
