"""Writers of the file formats."""

import io
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cnncompare.export.graph import NormalizedNetwork
from cnncompare.export.provenance import Provenance
from cnncompare.models.checkpoint import save_to, with_versions
from cnncompare.models.onnx_program import onnx_program, quiet_exporter

METADATA_FILE = "metadata.json"  # within a TorchScript archive


def write_network(format_name: str, path: Path, network: nn.Module, origin: Provenance) -> None:
    """Write the network, in eval mode on the CPU, as a file of the format.

    Raises ModelError if the format cannot express it, OSError if the file cannot be written.
    """
    match format_name:
        case "onnx":
            _write_onnx(path, network, origin)
        case "torchscript":
            _write_torchscript(path, network, origin)
        case "safetensors":
            _write_safetensors(path, network, origin)
        case "state_dict":
            with path.open("wb") as file:
                save_to(file, _weights(network))


def _write_onnx(path: Path, network: nn.Module, origin: Provenance) -> None:
    whole, example = _with_example(network, origin)
    program = onnx_program(whole, example, origin.settings.built.name)
    program.model.metadata_props.update(origin.metadata(normalizes=True))
    program.save(path, external_data=False)


def _write_torchscript(path: Path, network: nn.Module, origin: Provenance) -> None:
    from cnncompare.system import strict_json

    whole, example = _with_example(network, origin)
    with quiet_exporter(), torch.no_grad():
        traced: Any = torch.jit.trace(whole, example, check_trace=False)  # type: ignore[no-untyped-call]
        metadata = strict_json.dumps(origin.metadata(normalizes=True))
        content = io.BytesIO()  # torch would hide the reason why a file cannot be written
        torch.jit.save(traced, content, _extra_files={METADATA_FILE: metadata})
    path.write_bytes(content.getvalue())


def _write_safetensors(path: Path, network: nn.Module, origin: Provenance) -> None:
    from safetensors.torch import save

    content = save(_weights(network), origin.metadata(normalizes=False))
    path.write_bytes(with_sorted_metadata(content))


def with_sorted_metadata(content: bytes) -> bytes:
    """Return a safetensors file with its metadata sorted; the library's order is random."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the tensors stay aligned
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def _weights(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return the tensors by their names in the network, none of which share memory."""
    weights = {name: value.detach().clone() for name, value in network.state_dict().items()}
    return with_versions(weights, network)


def _with_example(network: nn.Module, origin: Provenance) -> tuple[nn.Module, torch.Tensor]:
    settings = origin.settings
    whole = NormalizedNetwork(network, settings.protocol.mean, settings.protocol.std).eval()
    return whole, torch.full((2, *settings.built.input_size), 0.5)
