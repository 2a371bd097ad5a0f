"""The model card of an exported network, in Markdown."""

from typing import Any

from cnncompare.export.formats import Format
from cnncompare.export.provenance import Provenance
from cnncompare.export.verification import Verification
from cnncompare.runs.record import RunRecord
from cnncompare.stats.intervals import wilson
from cnncompare.terminal.formatting import UNKNOWN, accuracy_decimals, percent, percentage

_CARD = """\
---
license: unknown
pipeline_tag: image-classification
---

# {title}

{summary}

## Accuracy

{accuracy}

## Input and output

{usage}

## Data

{data}

## Protocol

{protocol}

## Origin

{origin}

## Verification

{verification}

## Licence

Not stated. Enter it here and in the first lines of this file; it depends on the licences of the
data and of pretrained weights.
"""


def model_card(file: str, form: Format, origin: Provenance, verified: Verification) -> str:
    """Return the card of the exported file named `file`."""
    record, built, images = origin.run.record, origin.settings.built, origin.settings.images
    return _CARD.format(
        title=f"{built.name} for {images.name}",
        summary=f"`{file}` contains {built.name} ({form.description}), "
        + (f"with pretrained weights {built.pretrained}, " if built.pretrained else "")
        + f"for {images.classes} classes.",
        accuracy=_accuracy(record),
        usage=_usage(form, origin),
        data=_list(
            {
                "data set": images.name,
                "images for training": images.n_train,
                "for validation": images.n_val,
                "for the test": images.n_test,
                "test images that are also training images": images.leaks
                and images.leaks.identical,
                "fingerprint of the test images": f"`{images.fingerprint}`",
            }
        ),
        protocol=_list(_protocol(origin)),
        origin=_list(
            {
                "run": f"`{record.id}`",
                "configuration hash": f"`{record.config_hash}`",
                "command": f"`{origin.command}`" if origin.command else None,
                "versions": ", ".join(f"{k} {v}" for k, v in origin.versions.items()) or None,
            }
        ),
        verification=verification_sentence(verified),
    )


def verification_sentence(verified: Verification) -> str:
    """Return the result of the verification as a sentence."""
    ties = f", {verified.ties} of them tied to rounding" if verified.ties else ""
    return (
        f"File and network give the same class to {verified.same_top1} of {verified.n} test "
        f"images{ties}; the largest logit difference is {verified.max_logit_difference:.2g}. "
        f"{verified.same_as_record} of {verified.n} classes are those of the run's record."
    )


def _accuracy(record: RunRecord) -> str:
    test = record.test
    if test.acc1 is None or test.correct1 is None or not test.n:
        return "Not measured."
    interval, decimals = wilson(test.correct1, test.n), accuracy_decimals(test.n)
    top5 = "" if test.acc5 is None else f" Top-5 is {percent(test.acc5, decimals)}."
    return (
        f"Top-1 on the test images is {percent(test.acc1, decimals)} (95 % interval "
        f"{percentage(interval.low, decimals)} to {percentage(interval.high, decimals)} %, "
        f"{test.correct1} of {test.n} images).{top5}"
    )


def _usage(form: Format, origin: Provenance) -> str:
    channels, height, width = origin.settings.built.input_size
    protocol = origin.settings.protocol
    moments = f"mean {_numbers(protocol.mean)}, standard deviation {_numbers(protocol.std)}"
    pixels = (
        f"pixels in [0, 1]; the file normalises them ({moments})"
        if form.normalizes
        else f"pixels in [0, 1], normalised with {moments}"
    )
    classes = "\n".join(f"{i}. {name}" for i, name in enumerate(origin.settings.classes))
    return (
        f"Input: float32 [N, {channels}, {height}, {width}], {origin.channels}, {pixels}.\n"
        f"Output: logits, float32 [N, {origin.settings.images.classes}].\n\n"
        f"Classes:\n\n{classes}"
    )


def _protocol(origin: Provenance) -> dict[str, Any]:
    settings, training = origin.settings.protocol, origin.run.record.training
    common = {
        "stem": origin.settings.built.stem,
        "changes to the published network": "; ".join(settings.model_changes) or "none",
        "precision": settings.precision,
    }
    if training is None:
        return {"training": "none; pretrained weights were tested"} | common
    return {
        "epochs": f"{training.epochs_done} of {training.max_epochs}, weights of epoch "
        f"{origin.run.record.best.epoch} ({training.selection})",
        "optimizer": f"{training.optimizer}, learning rate {training.lr:g}, "
        f"weight decay {training.weight_decay:g}, schedule {training.scheduler}",
        "batch size": training.batch_size,
        "averaged weights": f"decay {training.ema_decay:g}" if training.ema_decay else "no",
        "seed": training.seed,
    } | common


def _list(values: dict[str, Any]) -> str:
    return "\n".join(
        f"- {name}: {UNKNOWN if value is None else value}" for name, value in values.items()
    )


def _numbers(values: list[float]) -> str:
    return " ".join(f"{value:.4f}" for value in values)
