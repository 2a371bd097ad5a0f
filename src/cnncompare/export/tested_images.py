"""The test images of a finished run, loaded again and identified by their fingerprint."""

import torch

from cnncompare.config.compose import compose_config
from cnncompare.data.module import ImageData
from cnncompare.errors import DataError, UserError
from cnncompare.inference.saved_settings import SavedSettings
from cnncompare.runs.record import EvaluationSection
from cnncompare.runs.run import Run
from cnncompare.training.build import build_data, find_pretrained_reference

_CHUNK = 64


VERIFICATION = "the export is verified on the test images"


def load_test_images(run: Run, settings: SavedSettings, purpose: str = VERIFICATION) -> ImageData:
    """Return the data of the run; raises DataError if they are missing or have changed.

    `purpose` begins the message.
    """
    try:
        config = compose_config([], run.folder)
        data = build_data(config, find_pretrained_reference(config))
        data.prepare()
        data = _without_corrupt_images(data, settings)
    except UserError as error:
        raise DataError(f"{purpose}, but {error}") from None
    expected = settings.images.fingerprint
    if data.fingerprint != expected:
        raise DataError(
            f"{purpose}, but those of data={config.data.name} "
            f"have changed: their fingerprint is {data.fingerprint[:12]}, that of the run "
            f"{expected[:12]}"
        )
    return data


def _without_corrupt_images(data: ImageData, settings: SavedSettings) -> ImageData:
    """Return the data without the images that the run skipped, which only decoding finds."""
    protocol = settings.protocol
    if not isinstance(protocol, EvaluationSection) or protocol.on_corrupt_image != "skip":
        return data
    if protocol.corrupt_images:
        for start in range(0, data.n_test, _CHUNK):
            data.test_images(range(start, min(data.n_test, start + _CHUNK)))
    return data.without(torch.tensor(sorted(data.corrupt_images), dtype=torch.int64))
