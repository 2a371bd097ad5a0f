"""A network as an ONNX graph with a dynamic batch."""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from cnncompare.errors import ModelError, first_line

IMAGES, LOGITS = "images", "logits"  # names of the graph's input and output
ONNX_PACKAGES = ("onnx", "onnxruntime", "onnxscript")  # of the extra onnx


def missing_onnx_packages() -> list[str]:
    """Return the packages of the extra `onnx` that are not installed."""
    return [package for package in ONNX_PACKAGES if find_spec(package) is None]


def onnx_program(network: nn.Module, example: torch.Tensor, name: str) -> Any:
    """Return the program of `network`, in eval mode on the CPU, as of torch.onnx.export.

    `example` is a batch of two images or more. Raises ModelError, which contains the network's
    `name`, if ONNX cannot express it.
    """
    batch = torch.export.Dim("batch")
    try:
        with quiet_exporter():
            program: Any = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                dynamic_shapes=({0: batch},),
                input_names=[IMAGES],
                output_names=[LOGITS],
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise ModelError(_problem(name, error)) from None
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()  # source lines of this machine
    return program


def _problem(name: str, error: BaseException) -> str:
    """Return a line with the network and the operator that ONNX lacks, or another reason."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    operator = re.search(r"\b(?!torch\.|python\.)\w+\.\w+(?=\.\w+\b|', overload)", str(cause))
    if operator:
        return f"{name} cannot be exported to ONNX, which lacks its operator {operator[0]}"
    reason = first_line(cause).rstrip(".") or type(cause).__name__
    return f"{name} cannot be exported to ONNX ({reason})"


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Hide the warnings and logs of torch's exporters: their results are verified."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
