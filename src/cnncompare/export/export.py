"""Export of a finished run's network: write, verify, then rename."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from cnncompare.data.module import ImageData
from cnncompare.errors import CnncompareError, OutputError, RunError, first_line
from cnncompare.export.card import model_card
from cnncompare.export.formats import FORMATS
from cnncompare.export.provenance import Provenance
from cnncompare.export.readers import read_network
from cnncompare.export.tested_images import load_test_images
from cnncompare.export.verification import Verification, verify
from cnncompare.export.writers import write_network
from cnncompare.inference.network import load_network
from cnncompare.inference.predictor import masked_classes
from cnncompare.runs.storage import sync_folder, write_atomically
from cnncompare.system.durable_files import replace_durably


def export_network(
    origin: Provenance,
    format_name: str,
    file: Path,
    card: Path,
    advance: Callable[[int], object] = lambda n: None,
) -> Verification:
    """Write the network and its model card, once the file is verified on all test images.

    Raises UserError if the network cannot be written or the test images are missing, and RunError
    if the verification fails; nothing is left then.
    """
    network = load_network(origin.run, origin.settings)
    data = load_test_images(origin.run, origin.settings)
    new = file.with_name(f".{file.name}.new")
    try:
        write_network(format_name, new, network, origin)
        try:
            verified = _verify(origin, format_name, new, network, data, advance)
        except RunError as error:
            raise RunError(f"{file} was not written: {error}") from None
        text = model_card(file.name, FORMATS[format_name], origin, verified)
        write_atomically(card, text.encode())
        replace_durably(new, file)
        sync_folder(file.parent)
    except OSError as error:
        raise OutputError(f"{file} cannot be written ({error.strerror or error})") from None
    finally:
        new.unlink(missing_ok=True)
    return verified


def _verify(
    origin: Provenance,
    format_name: str,
    file: Path,
    network: nn.Module,
    data: ImageData,
    advance: Callable[[int], object],
) -> Verification:
    """Return the agreement of the file with the network; raises RunError if it is not the same."""
    saved, masked = origin.run.predictions(), masked_classes(origin.run)
    settings, protocol = origin.settings, origin.settings.protocol
    try:
        classify = read_network(format_name, file, network, protocol.mean, protocol.std)
        verified = verify(classify, network, settings, data.test_images, saved, masked, advance)
    except (CnncompareError, OSError):
        raise
    except Exception as error:  # onnxruntime raises types of its own
        raise RunError(f"it cannot be read and executed ({first_line(error)})") from None
    problem = verified.problem() or verified.record_problem(protocol.precision)
    if problem:
        raise RunError(problem)
    return verified
