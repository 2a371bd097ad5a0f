"""Image files that are decoded when asked, and what was seen of them on the way."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from cnncompare.data.decode import CorruptImageError, File, Form, Member, Remark, decode_or_remark


@dataclass(frozen=True)
class ImageFiles(Dataset[tuple[Tensor, Remark | None]]):
    """The files of all parts; `files[i]` is decoded when asked, to uint8 [C, H, W].

    They lie in the folder `root`, or, with `starts`, in the uncompressed archive `root`, each
    from the byte `starts[i]` on.
    """

    root: Path
    files: list[str]  # relative to root, with /
    bytes: list[int]
    mtimes_ns: list[int]
    form: Form
    starts: list[int] | None = None

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[Tensor, Remark | None]:
        pixels, remark = decode_or_remark(row, self.path(row), self.form)
        return torch.from_numpy(pixels.copy()), remark

    def path(self, row: int) -> File:
        """Return the absolute path of a file, or its place in the archive."""
        if self.starts is None:
            return str(self.root / self.files[row])
        return Member(str(self.root), self.files[row], self.starts[row], self.bytes[row])

    def select(self, rows: Tensor) -> "ImageFiles":
        """Return the files of these rows, int64 [m], alone."""
        chosen = rows.tolist()
        return replace(
            self,
            files=[self.files[row] for row in chosen],
            bytes=[self.bytes[row] for row in chosen],
            mtimes_ns=[self.mtimes_ns[row] for row in chosen],
            starts=None if self.starts is None else [self.starts[row] for row in chosen],
        )


@dataclass
class Findings:
    """What was seen of the images that were decoded so far, by their row."""

    forgive: bool  # a corrupt image is zeros and written down here; else it stops
    corrupt: dict[int, str] = field(default_factory=dict)
    modes: dict[int, str] = field(default_factory=dict)  # colour modes other than RGB

    def add(self, remarks: Iterable[Remark]) -> None:
        """Write down what was seen. Raises CorruptImageError if that stops."""
        for remark in remarks:
            if not remark.damage:
                self.modes[remark.row] = remark.mode
            elif self.forgive:
                self.corrupt[remark.row] = remark.damage
            else:
                raise CorruptImageError(remark.damage)
