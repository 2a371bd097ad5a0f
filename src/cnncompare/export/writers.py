"""Writers of the file formats."""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cnncompare.errors import ModelError, first_line
from cnncompare.export.graph import NormalizedNetwork
from cnncompare.export.provenance import Provenance

IMAGES, LOGITS = "images", "logits"  # names of the graph's input and output
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
            torch.save(_weights(network), path)


def _write_onnx(path: Path, network: nn.Module, origin: Provenance) -> None:
    whole, example = _with_example(network, origin)
    batch = torch.export.Dim("batch")
    try:
        with _quiet():
            program: Any = torch.onnx.export(
                whole,
                (example,),
                dynamo=True,
                dynamic_shapes=({0: batch},),
                input_names=[IMAGES],
                output_names=[LOGITS],
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise ModelError(_onnx_problem(origin, error)) from None
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()  # source lines of this machine
    program.model.metadata_props.update(origin.metadata(normalizes=True))
    program.save(path, external_data=False)


def _onnx_problem(origin: Provenance, error: BaseException) -> str:
    """Return a line with the network and the operator that ONNX lacks, or another reason."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    name = origin.settings.built.name
    operator = re.search(r"\b(?!torch\.|python\.)\w+\.\w+(?=\.\w+\b|', overload)", str(cause))
    if operator:
        return f"{name} cannot be exported to ONNX, which lacks its operator {operator[0]}"
    reason = first_line(cause).rstrip(".") or type(cause).__name__
    return f"{name} cannot be exported to ONNX ({reason})"


def _write_torchscript(path: Path, network: nn.Module, origin: Provenance) -> None:
    from cnncompare.system import strict_json

    whole, example = _with_example(network, origin)
    with _quiet(), torch.no_grad():
        traced: Any = torch.jit.trace(whole, example, check_trace=False)  # type: ignore[no-untyped-call]
        metadata = strict_json.dumps(origin.metadata(normalizes=True))
        torch.jit.save(traced, str(path), _extra_files={METADATA_FILE: metadata})


def _write_safetensors(path: Path, network: nn.Module, origin: Provenance) -> None:
    from safetensors.torch import save

    path.write_bytes(save(_weights(network), origin.metadata(normalizes=False)))


def _weights(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return the tensors by their names in the network, none of which share memory."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _with_example(network: nn.Module, origin: Provenance) -> tuple[nn.Module, torch.Tensor]:
    settings = origin.settings
    whole = NormalizedNetwork(network, settings.protocol.mean, settings.protocol.std).eval()
    return whole, torch.full((2, *settings.built.input_size), 0.5)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the warnings and logs of torch's exporters: their results are verified."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
