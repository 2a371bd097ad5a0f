"""Answers of networks for images, as Python objects, JSON and CSV; imports no torch."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

COLUMNS = ("image", "run", "model", "rank", "class", "confidence", "error")


@dataclass(frozen=True)
class Answer:
    """The best classes of one image for one run, best first, or the reason why it has none."""

    image: str
    run: str
    model: str
    top: tuple[tuple[str, float], ...]  # class and confidence
    error: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The image and the run."""
        return self.image, self.run

    def as_dict(self) -> dict[str, Any]:
        """Return the object of ``predict --json``."""
        common = {"image": self.image, "run": self.run, "model": self.model}
        if self.error is not None:
            return common | {"error": self.error}
        return common | {
            "top": [{"class": name, "confidence": confidence} for name, confidence in self.top]
        }


def answers_csv(answers: Iterable[Answer]) -> str:
    """Return a table with a row for each image, run and class."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for answer in answers:
        common = {"image": printable(answer.image), "run": answer.run, "model": answer.model}
        if answer.error is not None:
            table.writerow(common | {"error": answer.error})
        for rank, (name, confidence) in enumerate(answer.top, start=1):
            table.writerow(common | {"rank": rank, "class": name, "confidence": confidence})
    return text.getvalue()


def printable(name: str) -> str:
    """Return a file name in which bytes that are not UTF-8 are escaped."""
    return name.encode("utf-8", "backslashreplace").decode()
