"""The runtimes that compute a network's logits: eager PyTorch, torch.compile and onnxruntime."""

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from cnncompare.errors import ModelError
from cnncompare.models.onnx_program import IMAGES, missing_onnx_packages, onnx_program
from cnncompare.system.compiler import has_cpp_compiler

RUNTIMES = ("eager", "compiled", "onnxruntime")
PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True)
class Variant:
    """A runtime, a precision of weights and images, and a number of CPU threads."""

    runtime: str
    precision: str
    threads: int


class Runner(Protocol):
    """A network in a runtime."""

    def batch(self, size: int) -> Any:
        """Return normalised images, [size, C, H, W], in the form that the runtime takes."""

    def __call__(self, batch: Any) -> object:
        """Compute the logits."""


class Runtimes:
    """Builds the runners of one network, which stays unchanged.

    `image_shape` is (channels, height, width). The runners contain neither the normalisation nor
    the copy of images to the device.
    """

    def __init__(
        self,
        network: nn.Module,
        name: str,
        image_shape: tuple[int, int, int],
        device: torch.device,
        channels_last: bool = False,
    ) -> None:
        self.network = copy.deepcopy(network).cpu().float().eval()  # the copy is not compiled
        self.name = name
        self.image_shape = image_shape
        self.device = device
        self.channels_last = channels_last

    def runner(self, variant: Variant) -> Runner:
        """Return the runner of the variant; raises ModelError with the reason if there is none."""
        if variant.runtime == "onnxruntime":
            return self._onnx_runner(variant)
        network = copy.deepcopy(self.network).to(self.device, PRECISIONS[variant.precision])
        if variant.runtime == "compiled":
            if self.device.type == "cpu" and not has_cpp_compiler():
                raise ModelError("torch.compile needs a C++ compiler, such as g++")
            torch.compiler.reset()  # the limit of compiled forms counts those of earlier runners
            network.compile()
        return _TorchRunner(network, self.image_shape, self.channels_last)

    def _onnx_runner(self, variant: Variant) -> Runner:
        missing = missing_onnx_packages()
        if missing:
            raise ModelError(f"{', '.join(missing)} missing: pip install 'cnncompare[onnx]'")
        if self.device.type != "cpu" or variant.precision != "float32":
            raise ModelError("onnxruntime is measured on the CPU in float32 only")
        return _OnnxRunner(self._graph, self.image_shape, variant.threads)

    @cached_property
    def _graph(self) -> bytes:
        example = torch.zeros(2, *self.image_shape)
        program = onnx_program(self.network, example, self.name)
        graph: bytes = program.model_proto.SerializeToString()
        return graph


def _images(size: int, shape: tuple[int, int, int]) -> Tensor:
    """Return noise of a seed of its own, so that the process's random state is kept."""
    return torch.randn(size, *shape, generator=torch.Generator().manual_seed(0))


class _TorchRunner:
    def __init__(
        self, network: nn.Module, shape: tuple[int, int, int], channels_last: bool
    ) -> None:
        self._shape = shape
        self._form = torch.channels_last if channels_last else torch.contiguous_format
        self._network = network.to(memory_format=self._form) if channels_last else network
        self._like = next(network.parameters())

    def batch(self, size: int) -> Tensor:
        images = _images(size, self._shape).to(self._like.device, self._like.dtype)
        return images.contiguous(memory_format=self._form)

    def __call__(self, batch: Tensor) -> object:
        with torch.inference_mode():
            return self._network(batch)


class _OnnxRunner:
    def __init__(self, graph: bytes, shape: tuple[int, int, int], threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(graph, options, providers=providers)
        self._shape = shape

    def batch(self, size: int) -> Any:
        return _images(size, self._shape).numpy()

    def __call__(self, batch: Any) -> object:
        return self._session.run(None, {IMAGES: batch})
