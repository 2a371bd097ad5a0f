"""Build hooks of the documentation site: pages from files at the root, and links out of docs/."""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
REPOSITORY = "https://github.com/cnncompare/cnncompare/blob/main/"
RAW = "https://raw.githubusercontent.com/cnncompare/cnncompare/main/"
LINK = re.compile(r"(?<=\]\()[^)\s]+")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the files at the root that are pages of the site."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Return the page with the site's links, for the repository's."""
    return LINK.sub(lambda link: site_link(link.group(), page.file.src_uri), markdown)


def site_link(target: str, page: str) -> str:
    """Return the link on `page` of the site that leads where `target` leads in the repository.

    A file outside docs/ that is no page of the site is on GitHub. A target that does not exist is
    returned unchanged, so that ``--strict`` reports it.
    """
    origin = {uri: source for source, uri in PAGES.items()}.get(page, f"docs/{page}")
    path, mark, anchor = target.partition("#")
    if path.startswith(RAW):
        path, origin = path.removeprefix(RAW), ""
    if not path or "://" in path or not (ROOT / (file := _normalized(path, origin))).exists():
        return target
    if file not in PAGES and not file.startswith("docs/"):
        return REPOSITORY + file + mark + anchor
    uri = PAGES.get(file, file.removeprefix("docs/"))
    return posixpath.relpath(uri, posixpath.dirname(page) or ".") + mark + anchor


def _normalized(path: str, origin: str) -> str:
    """Return `path`, a link in the file `origin`, from the root of the repository."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(origin), path))
