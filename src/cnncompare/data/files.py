"""Image files that are decoded on access, and a report of corrupt and non-RGB images."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from cnncompare.data.decode import (
    ArchiveMember,
    CorruptImageError,
    DecodeNote,
    DecodeOptions,
    ImagePath,
    try_decode,
)


@dataclass(frozen=True)
class ImageFiles(Dataset[tuple[Tensor, DecodeNote | None]]):
    """The files of all splits; indexing decodes a file to uint8 [C, H, W].

    The files are in the folder `root` or, if `starts` is set, in the uncompressed archive `root`,
    where file i starts at byte `starts[i]`.
    """

    root: Path
    files: list[str]  # relative to root, with /
    bytes: list[int]  # file sizes
    mtimes_ns: list[int]
    options: DecodeOptions
    starts: list[int] | None = None

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[Tensor, DecodeNote | None]:
        pixels, note = try_decode(row, self.path(row), self.options)
        return torch.from_numpy(pixels.copy()), note

    def path(self, row: int) -> ImagePath:
        """Return the absolute path of a file, or its position in the archive."""
        if self.starts is None:
            return str(self.root / self.files[row])
        return ArchiveMember(str(self.root), self.files[row], self.starts[row], self.bytes[row])

    def select(self, rows: Tensor) -> "ImageFiles":
        """Return a data set of these rows only, int64 [m]."""
        chosen = rows.tolist()
        return replace(
            self,
            files=[self.files[row] for row in chosen],
            bytes=[self.bytes[row] for row in chosen],
            mtimes_ns=[self.mtimes_ns[row] for row in chosen],
            starts=None if self.starts is None else [self.starts[row] for row in chosen],
        )


@dataclass
class DecodeReport:
    """Corrupt and non-RGB images among those decoded so far, by row."""

    allow_corrupt: bool  # collect corrupt images here, with zeros as pixels, instead of raising
    corrupt: dict[int, str] = field(default_factory=dict)  # error messages
    colour_modes: dict[int, str] = field(default_factory=dict)  # of PIL, other than RGB

    def add(self, notes: Iterable[DecodeNote]) -> None:
        """Collect the notes. Raises CorruptImageError unless corrupt images are allowed."""
        for note in notes:
            if not note.error:
                self.colour_modes[note.row] = note.mode
            elif self.allow_corrupt:
                self.corrupt[note.row] = note.error
            else:
                raise CorruptImageError(note.error)
