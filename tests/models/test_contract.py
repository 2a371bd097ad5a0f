"""The contract of every network in conf/model, of any source and family."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn

from cnncompare.models.complexity import forward_on_meta
from cnncompare.models.registry import BuiltModel, build

FOLDER = Path(__file__).resolve().parents[2] / "conf" / "model"
# One of each kind of stem; the other networks are large and run with the slow tests.
QUICK = "alexnet lenet5 mobilenet_v2 regnet resnet18 shufflenet_v2 squeezenet1_1 timm vgg11"
# Networks with methods of their own, which a script may not support, and two without.
SCRIPTED = "alexnet fractalnet lenet5 preact_resnet18 resnet110_sd wrn_40_2"
SLOW = pytest.mark.slow
BATCH = 4  # two images in a batch norm over 2x2 maps are too few for finite gradients


def networks(*quick: str) -> list[Any]:
    """Return every file of conf/model as a parameter; all but the `quick` ones are slow."""
    return [
        pytest.param(path.stem, marks=[] if path.stem in " ".join(quick).split() else SLOW)
        for path in sorted(FOLDER.glob("*.yaml"))
    ]


def built(name: str, classes: int, channels: int) -> BuiltModel:
    torch.manual_seed(0)
    model: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    return build(
        model["name"],
        source=model["source"],
        classes=classes,
        image_shape=(channels, 32, 32),
        options=model.get("options"),
    )


@pytest.mark.parametrize("name", networks(QUICK))
def test_builds_for_any_classes_and_channels(name: str) -> None:
    for classes, channels in ((2, 1), (1000, 3)):
        network = built(name, classes, channels).network.eval()
        assert forward_on_meta(network, (2, channels, 32, 32)).shape == (2, classes)


@pytest.mark.parametrize("name", networks(QUICK))
def test_logits_are_finite_repeatable_and_survive_a_state_dict(name: str) -> None:
    first, second = (built(name, 7, 1).network.eval() for _ in range(2))
    images = torch.randn(2, 1, 32, 32)
    _change_every_buffer(first)
    second.load_state_dict(first.state_dict())
    with torch.no_grad():
        logits = first(images)
        assert logits.shape == (2, 7)
        assert torch.isfinite(logits).all()
        assert torch.equal(first(images), logits)
        assert torch.equal(second(images), logits)


@pytest.mark.parametrize("name", networks(QUICK))
def test_gradient_reaches_every_parameter(name: str) -> None:
    model = built(name, 3, 3)
    with torch.no_grad():  # some initialise their residuals to 0, which stops the gradient
        for parameter in model.network.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.01)
    outputs = model.network.train()(torch.randn(BATCH, 3, 32, 32))
    heads: list[Tensor] = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    # Only the logits of the first class: the sum over all classes would cancel out before softmax.
    torch.stack([head[:, 0].square().sum() for head in heads]).sum().backward()
    gradients = [parameter.grad for parameter in model.network.parameters()]
    assert all(gradient is not None for gradient in gradients)
    reached = sum(bool(gradient.any()) for gradient in gradients if gradient is not None)
    # Stochastic depth and drop-path skip blocks in each batch.
    assert reached >= (0.5 if name in ("resnet110_sd", "fractalnet") else 0.97) * len(gradients)
    assert all(torch.isfinite(gradient).all() for gradient in gradients if gradient is not None)


@pytest.mark.filterwarnings("ignore:.torch.jit.*is deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:Scripted .* always returns:UserWarning")
@pytest.mark.filterwarnings("ignore:.*annotations on empty non-base types:UserWarning")
@pytest.mark.parametrize("name", networks(SCRIPTED))
def test_becomes_a_script_for_batches_of_1_and_2(name: str) -> None:
    network = built(name, 5, 3).network.eval()
    script = torch.jit.script(network)
    for n in (1, 2):
        images = torch.randn(n, 3, 32, 32)
        with torch.no_grad():
            outputs = script(images)  # with None for auxiliary heads, a named tuple
            logits = outputs if isinstance(outputs, Tensor) else outputs[0]
            assert torch.allclose(logits, network(images), atol=1e-4)


def _change_every_buffer(network: nn.Module) -> None:
    """Change the running statistics from their initial values, as training does."""
    for buffer in network.buffers():
        if buffer.is_floating_point():
            buffer.add_(0.1)
