"""Sentences that records and comparisons contain in English, translated when they are displayed.

Files and JSON keep their language; a page or a console in another language recognises a recorded
sentence by its template.
"""

import re
from functools import cache

from cnncompare.language.catalogue import language, marked, placeholders, tr

_TEMPLATES = (
    marked("{count} threads"),
    marked("{count} workers"),
    marked("{count} folds"),
    marked("hold-outs of {share}"),
    marked("last epoch"),
    marked("none"),
    marked("the training loss rose from {first} at the first step to {last}"),
    marked(
        "validation accuracy {best} % does not significantly exceed the {chance} % of always "
        "predicting the most frequent class"
    ),
    marked(
        "validation balanced accuracy {best} % does not significantly exceed the {chance} % of "
        "always predicting the most frequent class"
    ),
    marked(
        "the training loss is {loss} at step {step}, epoch {epoch}, with optimizer.lr={lr}; the "
        "model's own learning rate is {own_lr}"
    ),
    marked(
        "the validation loss is {loss} at step {step}, epoch {epoch}, with optimizer.lr={lr}; the "
        "model's own learning rate is {own_lr}"
    ),
    marked("seed {seed} ended at chance, test top-1 {accuracy} %"),
    marked("did not train: {evidence}"),
    marked("normalisation: {used} instead of the weights' {own}"),
    marked("resize: {used} instead of the weights' {own}"),
    marked("crop: {used} instead of the weights' {own}"),
    marked("interpolation: {used} instead of the weights' {own}"),
    marked("mean {mean}, sd {sd}"),
    marked(
        "the last epoch is the best, and the last {tenth} of {n} epochs gained {gain} points of "
        "validation accuracy"
    ),
    marked("{steps} optimizer steps in all"),
    marked(
        "each epoch leaves out {some} of {n} training images, which do not fill a batch of {size}"
    ),
    marked("validation accuracy was 100 % in {some} of {n} epochs"),
    marked("lower the learning rate; the model's own is optimizer.lr={lr}"),
    marked(
        "check images and labels, and train longer or with another learning rate; the model's own "
        "is optimizer.lr={lr}"
    ),
    marked("train longer: a larger budget"),
    marked("train longer: {override}"),
    marked("train for more epochs, or with a smaller data.batch_size"),
    marked("use a smaller data.batch_size"),
    marked("the data set is too easy to tell good networks apart; use a harder or larger one"),
    marked("no reference result is known for these weights"),
    marked("PASS: top-1 {top1}, reference {reference1}"),
    marked("differs: top-1 {top1}, reference {reference1}"),
    marked("top-5 {top5}, reference {reference5}"),
    marked(
        "reference top-1 {reference} is within the 95 % interval {low} to {high} % of these {n} "
        "images"
    ),
    marked(
        "reference top-1 {reference} is outside the 95 % interval {low} to {high} % of these {n} "
        "images"
    ),
    marked(
        "without the deviation in {cause}, {without} instead of {measured} on {n} of the images"
    ),
    marked(
        "preprocessing matches the weights: check the class order, the precision, and whether the "
        "file contains the original weights"
    ),
    marked("{some} of {count} classes"),
    marked("{some} of the {count} images, stratified"),
    marked("{count} files that are not images are ignored"),
    marked(
        "training images, according to their names ({name} ...): accuracy is higher than on the "
        "validation set"
    ),
    marked(
        "training images, according to their number ({count} per class): accuracy is higher than "
        "on the validation set"
    ),
    marked(
        "{name} does not list the classes in sorted order; labels are assigned by the wnids of the "
        "folders"
    ),
    marked("{kinds} image, converted to RGB (the first: {path})"),
    marked("{kinds} images, converted to RGB (the first: {path})"),
    marked("{count} grey"),
    marked("{count} image missing: {classes}, of {most} each"),
    marked("{count} images missing: {classes}, of {most} each"),
    marked("{count} image too many: {classes}, of {most} each"),
    marked("{count} images too many: {classes}, of {most} each"),
    marked("{name} has {count} and {more} more classes"),
    marked("{name} has {count}"),
    marked("normalisation"),
    marked("resize"),
    marked("crop"),
    marked("interpolation"),
    marked("class order"),
    marked("precision"),
    marked("{name} removed"),
    marked("{n} input channel instead of 3"),
    marked("max pools padded by 1"),
    marked("max pool -> none"),
    marked("stem max pool -> none"),
    marked("stem convolutions and both reductions padded by 1"),
    marked("dense layers 4096-4096 -> none"),
    marked("weights N(0, 0.01) -> He 2015"),
    marked("failed: Diverged: {evidence}"),
    marked("failed: {error}"),
    marked("running"),
    marked("interrupted"),
    marked("not comparable: {reasons}"),
    marked("a trial of a tuning, which is not tested"),
    marked("finished, but its record lacks model, data, or both training and evaluation"),
    marked("finished, but not tested: {cause}"),
    marked("test.acc1 is {value}; an accuracy lies in [0, 1]"),
    marked("same configuration and seed as {folder}"),
    marked(
        "its test labels differ from those of the other runs with the same fingerprint; its "
        "per-image predictions are not used"
    ),
    marked("{problem}; the run's record is used, its per-image predictions are not"),
    marked("{problem}; the file is not used"),
    marked("{n} epochs instead of {span}"),
    marked("{n} training images instead of {other}"),
    marked("epoch chosen on validation images (most sources: on the test set)"),
    marked("started from {weights} instead of random weights"),
    marked("{key} {value} instead of {other}"),
    marked("{low} to {high}"),
    marked("{first_author} and {second_author} {year}"),
    marked("{authors} et al. {year}"),
    marked(
        "{some} of {n} test images ({share} %) is also a training image: the accuracies are too "
        "high"
    ),
    marked(
        "{some} of {n} test images ({share} %) are also training images: the accuracies are too "
        "high"
    ),
    marked("class {largest} has {n} training images, {ratio} times the {other} of {smallest}"),
    marked("class {largest} has {n} validation images, {ratio} times the {other} of {smallest}"),
    marked("class {largest} has {n} test images, {ratio} times the {other} of {smallest}"),
    marked(
        "top-1 accuracy mostly reflects the large classes; look at the balanced accuracy (report "
        "--metric balanced)"
    ),
)
# placeholders for text that is translated itself, and for other text; the rest are numbers
_NESTED = {
    "error",
    "evidence",
    "used",
    "own",
    "kinds",
    "classes",
    "cause",
    "problem",
    "span",
    "reasons",
}
_TEXT = {
    *(
        "name",
        "loss",
        "path",
        "folder",
        "weights",
        "key",
        "value",
        "other",
        "mean",
        "sd",
        "override",
    ),
    *("largest", "smallest", "authors", "first_author", "second_author"),
}
_NUMBER = r"[-+\d.,e]+(?: %)?"


def recorded(text: str) -> str:
    """Return a recorded sentence, or several that a semicolon separates, in the language in use."""
    if language() == "en" or not text:
        return text
    whole = _translated(text)
    if whole is not None:
        return whole
    for separator in ("; ", ", "):
        items = text.split(separator)
        if len(items) > 1:
            return separator.join(map(recorded, items))
    return text


def _translated(text: str) -> str | None:
    for template in _TEMPLATES:
        match = _pattern(template).fullmatch(text)
        if match:
            found = match.groupdict()
            values = {k: recorded(v) if k in _NESTED else v for k, v in found.items()}
            return tr(template, **values)
    return None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """Return the pattern of a template; a name in it has no comma or semicolon."""
    pattern = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
    for name in placeholders(template):
        value = "[^;,]+?" if name in _TEXT else _NUMBER
        if name in _NESTED:
            value = ".+"
        pattern = pattern.replace(f"{{{name}}}", f"(?P<{name}>{value})", 1)
    return re.compile(pattern)
