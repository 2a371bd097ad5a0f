"""Image files below class folders: each real folder once, without hidden and system folders.

Imports no torch.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cnncompare.config.data import IMAGE_SUFFIXES

HIDDEN = "hidden"  # key of `ignored` for hidden and system files; the others are suffixes
LINKS = "link"
NO_SUFFIX = "no suffix"

_SYSTEM_NAMES = {
    *("__macosx", "@eadir", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin"),
    *("system volume information", "lost+found", "#recycle", "#snapshot", "@recycle"),
    "__pycache__",
}
UNREAD_FORMATS = {
    *(".heic", ".heif", ".avif", ".gif", ".psd", ".psb", ".xcf", ".svg", ".eps", ".tga", ".ico"),
    *(".jp2", ".j2k", ".jpx", ".jxl", ".jxr", ".exr", ".hdr", ".dcm", ".nii", ".fits", ".qoi"),
    *(".raw", ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".orf"),
    *(".rw2", ".raf", ".pef", ".srw", ".x3f", ".3fr", ".kdc", ".mrw", ".erf", ".apng"),
}
"""File name suffixes of image formats that are not read, in lower case."""


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden or made by the system; it holds no images."""
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def has_image_suffix(name: str) -> bool:
    """Return whether a file name is that of an image, by its suffix in any letter case."""
    return name.lower().endswith(IMAGE_SUFFIXES)


def subfolders(folder: str) -> list[str]:
    """Return the sorted names of the folders in a folder, without hidden and system folders."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not is_hidden(entry.name) and entry.is_dir()]
    return sorted(names)


@dataclass
class FolderWalk:
    """A walk below the class folders of `root`, and what it ignored.

    A link is followed only to a folder that no other path of the walk reaches: not to a folder
    below `root` or another class folder, nor to one that contains the link. Likewise, a link to an
    image of a class folder is not a second image. `ignored` counts the ignored files by suffix in
    lower case, `HIDDEN` or `LINKS`; `links` are the ignored links, relative to `root`.
    """

    root: str  # absolute
    class_folders: Sequence[str]  # relative to root, with /
    ignored: Counter[str] = field(default_factory=Counter)
    links: list[str] = field(default_factory=list)
    _owners: set[str] = field(init=False)  # real paths of the root and the class folders
    _visited: set[str] = field(init=False, default_factory=set)  # real paths

    def __post_init__(self) -> None:
        real = {os.path.realpath(f"{self.root}/{folder}") for folder in self.class_folders}
        self._owners = {os.path.realpath(self.root), *real}

    def images(self, folder: str) -> list[str]:
        """Return the image files below a class folder, sorted, relative to the root, with /.

        Raises OSError for a folder that cannot be read.
        """
        names = []
        unread = [(folder, os.path.realpath(f"{self.root}/{folder}"))]
        while unread:
            path, real = unread.pop()
            if real in self._visited:
                self._ignore_link(path)
                continue
            self._visited.add(real)
            for entry in self._entries_to_read(path, real):
                name = f"{path}/{entry.name}"
                if entry.is_dir():
                    unread.append((name, _real_path(entry, real)))
                else:
                    names.append(name)
        return sorted(names)

    def _entries_to_read(self, path: str, real: str) -> Iterator["os.DirEntry[str]"]:
        """Yield the folders and images in a folder with this real path; count the others."""
        for entry in _entries(f"{self.root}/{path}"):
            if is_hidden(entry.name):
                self.ignored[HIDDEN] += _count_files(entry)
            elif entry.is_symlink() and self._is_ignored_link(entry, real):
                self._ignore_link(f"{path}/{entry.name}")
            elif entry.is_dir() or _is_image(entry):
                yield entry
            else:
                self.ignored[kind_of(entry.name)] += 1

    def ignore(self, folder: str) -> None:
        """Count the files directly in a folder that holds class folders."""
        for entry in _entries(f"{self.root}/{folder}"):
            if is_hidden(entry.name):
                self.ignored[HIDDEN] += _count_files(entry)
            elif not entry.is_dir():
                self.ignored[kind_of(entry.name)] += 1

    def _ignore_link(self, name: str) -> None:
        self.ignored[LINKS] += 1
        self.links.append(name)

    def _is_ignored_link(self, link: "os.DirEntry[str]", folder: str) -> bool:
        """Return whether a link in the real path `folder` leads to what the walk reads anyway.

        A link without a target is ignored unless it has an image's name; opening it reports it.
        """
        target = os.path.realpath(link.path)
        if not os.path.exists(link.path):
            return not has_image_suffix(link.name)
        is_folder = os.path.isdir(target)
        owner = self._owner(target if is_folder else os.path.dirname(target))
        hidden = owner is not None and any(map(is_hidden, _names_below(owner, target)))
        if is_folder:
            contains = any(is_within(path, target) for path in (folder, *self._owners))
            return contains or (owner is not None and not hidden)
        return owner not in (None, os.path.realpath(self.root)) and not hidden

    def _owner(self, folder: str) -> str | None:
        """Return the class folder, or else the root, that contains the real path, if any does."""
        while folder not in self._owners:
            parent = os.path.dirname(folder)
            if parent == folder:
                return None
            folder = parent
        return folder


def is_within(path: str, folder: str) -> bool:
    """Return whether an absolute path is the folder or below it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _names_below(folder: str, path: str) -> list[str]:
    return [] if path == folder else os.path.relpath(path, folder).split(os.sep)


def kind_of(name: str) -> str:
    """Return the kind by which an ignored file is counted: HIDDEN, or its suffix in lower case.

    Bytes that are not UTF-8 are escaped, because the kinds are written to the run record.
    """
    if is_hidden(name):
        return HIDDEN
    suffix = os.path.splitext(name)[1].lower() or NO_SUFFIX
    return suffix.encode("utf-8", "backslashreplace").decode()


def describe_ignored(ignored: Mapping[str, int], links: Iterable[str] = ()) -> str:
    """Return a line with the number of ignored files of each kind."""
    others = set(ignored) - UNREAD_FORMATS - {*IMAGE_SUFFIXES, HIDDEN, LINKS}
    kinds = {
        "image formats that are not read (convert them to JPEG or PNG)": _listed(
            ignored, UNREAD_FORMATS
        ),
        "images outside the class folders": _listed(ignored, IMAGE_SUFFIXES),
        "files that are not images": _listed(ignored, others),
        "hidden or system files": str(ignored.get(HIDDEN) or ""),
        "links to what is read elsewhere": _listed_links(ignored.get(LINKS, 0), list(links)),
    }
    return "ignored " + "; ".join(f"{kind}: {what}" for kind, what in kinds.items() if what)


def _listed(ignored: Mapping[str, int], suffixes: Iterable[str]) -> str:
    counts = Counter({suffix: ignored[suffix] for suffix in suffixes if suffix in ignored})
    return ", ".join(f"{n:,} {suffix}" for suffix, n in sorted(counts.items()))


def _listed_links(n: int, links: list[str]) -> str:
    names = ", ".join(links[:3]) + (", ..." if len(links) > 3 else "")
    return f"{n:,} ({names})" if names else str(n or "")


def _entries(folder: str) -> Iterator["os.DirEntry[str]"]:
    with os.scandir(folder) as entries:
        yield from sorted(entries, key=lambda entry: entry.name)


def _real_path(entry: "os.DirEntry[str]", parent: str) -> str:
    return os.path.realpath(entry.path) if entry.is_symlink() else os.path.join(parent, entry.name)


def _is_image(entry: "os.DirEntry[str]") -> bool:
    """Return whether a file has an image's name; a link without a target is reported later."""
    # a named pipe would block its reader
    return has_image_suffix(entry.name) and (entry.is_symlink() or entry.is_file())


def _count_files(entry: "os.DirEntry[str]") -> int:
    if not entry.is_dir(follow_symlinks=False):
        return 1
    return sum(len(files) for _, _, files in os.walk(entry.path))
