"""Weights of a training's checkpoint, of which nothing is executed, and writing such files."""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor, nn

from cnncompare.errors import ModelError, first_line


def load_checkpoint_weights(path: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a checkpoint, averaged if weight averaging was on.

    Raises ModelError for a file that is missing, corrupt or no checkpoint.
    """
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        weights: dict[str, torch.Tensor] = checkpoint["state_dict"]
    except Exception as error:  # torch raises many types for other files
        reason = first_line(error) or type(error).__name__
        raise ModelError(f"{path} is not a checkpoint, or it is corrupt ({reason})") from None
    return weights


def save_to(file: BinaryIO, content: object) -> None:
    """Write the object with torch.save; raises OSError if the file cannot be written.

    torch hides it behind a RuntimeError about positions in the file.
    """
    try:
        torch.save(content, file)
    except RuntimeError as error:
        cause = error.__context__
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__context__
        if cause is None:
            raise
        raise cause from None


def with_versions(weights: Mapping[str, Tensor], network: nn.Module) -> "OrderedDict[str, Tensor]":
    """Return the weights with the versions of the network's modules, as a state dict has them.

    torchvision's MNASNet refuses weights without its version.
    """
    found = OrderedDict(weights)
    found._metadata = network.state_dict()._metadata  # type: ignore[attr-defined]
    return found
