"""The network of a finished run with its selected weights."""

import random
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from cnncompare.config.files import add_user_conf
from cnncompare.errors import ConfigError, ModelError, first_line
from cnncompare.inference.saved_settings import SavedSettings
from cnncompare.models import registry
from cnncompare.models.checkpoint import load_checkpoint_weights, with_versions
from cnncompare.models.trim import trim_kernels
from cnncompare.runs.run import Run

PREFIX = "network."  # of the network's tensors in the checkpoints


def load_network(run: Run, settings: SavedSettings) -> nn.Module:
    """Return the network in eval mode on the CPU, in float32, with the weights that were tested.

    Kernels are trimmed as in training; nothing is compiled. torch's random state is kept. Raises
    ModelError if the weights cannot be read or do not match, ConfigError without the user's module.
    """
    if settings.model.module is not None:
        _import_beside_conf(settings.model.module, run.folder)
    network = _build(settings)
    if settings.trainer.max_epochs != 0:
        _load(network, run.check_tested_checkpoint())
    if settings.trainer.trim_kernels:
        trim_kernels(network)
    return network.float().eval()


def _build(settings: SavedSettings) -> nn.Module:
    """Return the network; without training it has the pretrained weights that were tested."""
    channels, height, width = settings.built.input_size
    model, state = settings.model, random.getstate()
    with torch.random.fork_rng(devices=[]):
        random.seed(settings.protocol.seed)
        torch.manual_seed(settings.protocol.seed)
        built = registry.build(
            model.name,
            source=model.source,
            classes=settings.images.classes,
            image_shape=(channels, height, width),
            stem=settings.built.stem,
            options=model.options,
            weights=model.weights,
            weights_map=model.weights_map,
            new_head=False,
            load_weights=settings.trainer.max_epochs == 0,
        )
    random.setstate(state)
    return built.network


def _load(network: nn.Module, path: Path) -> None:
    saved = load_checkpoint_weights(path)
    weights: dict[str, Tensor] = {
        name.removeprefix(PREFIX): value for name, value in saved.items() if name.startswith(PREFIX)
    }
    try:
        network.load_state_dict(with_versions(weights, network))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{path} does not match the run's network: {reason}") from None


def _import_beside_conf(module: str, run_folder: Path) -> None:
    """Import the user's module, from where training imported it, but never out of a run's folder.

    A folder of results can come from someone else; its files are data.
    """
    add_user_conf([])
    try:
        spec = find_spec(module)
    except ImportError:
        spec = None
    if spec is None:
        raise ConfigError(
            f"model.module={module}: there is no {module}.py in {Path.cwd()}; start in the folder "
            "in which the run was trained"
        )
    if Path(spec.origin or "").resolve().is_relative_to(run_folder.resolve()):
        raise ConfigError(f"model.module={module} lies in the run's folder, which holds no code")
    try:
        import_module(module)
    except Exception as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise ConfigError(f"{spec.origin} cannot be imported ({reason})") from error
