"""The page's glossary: short definitions of its terms, marked where they first occur in a text."""

import re
from collections.abc import Sequence
from functools import cache

from markupsafe import Markup, escape

from cnncompare.language.catalogue import in_language, language, marked, tr

TERMS = {
    marked("statistically tied"): marked(
        "No significant difference was found; this does not prove equality."
    ),
    marked("practically the same"): marked(
        "The difference is shown to be smaller than the margin that matters."
    ),
    marked("significantly"): marked(
        "The p value, after Holm's correction for all pairs of the table, is below 0.05."
    ),
    marked("95 % interval"): marked(
        "A range that would contain the true value in 95 % of repetitions of the experiment."
    ),
    marked("tie groups"): marked("Rows that share a letter are statistically tied."),
    marked("power"): marked("The probability that a test finds a difference of the stated size."),
    marked("Holm"): marked("A correction of p values for the number of pairs that were tested."),
    marked("seeds"): marked(
        "Numbers that start the random generators; each seed is a training of its own."
    ),
    marked("folds"): marked(
        "Parts of all images; each is tested once by a network trained on the others."
    ),
    marked("hold-outs"): marked(
        "Test splits drawn at random from all images, independently of each other."
    ),
    marked("top-1"): marked("The share of images whose class is the network's first choice."),
    marked("top-5"): marked(
        "The share of images whose class is among the network's first five choices."
    ),
    marked("balanced accuracy"): marked(
        "The mean over the classes of the share of their images that are right."
    ),
    marked("macro-F1"): marked(
        "The mean over the classes of F1, which weighs misses and false alarms alike."
    ),
    marked("calibration error"): marked("The mean gap between confidence and accuracy (ECE)."),
    marked("overconfident"): marked("More confident than correct."),
    marked("GMACs"): marked("10^9 multiply-accumulate operations for one image."),
    marked("dominated"): marked("Another network is at least as accurate and cheaper."),
    marked("Pareto front"): marked("The networks that no other one dominates."),
    marked("validation"): marked(
        "Images apart from training and test by which the epoch is selected."
    ),
    marked("pretrained weights"): marked("Weights from an earlier training, usually on ImageNet."),
    marked("majority vote"): marked("The class that most of the networks choose."),
}


@cache
def _definitions(name: str) -> dict[str, str]:
    """Return the definitions by the terms, in lower case, of the language."""
    with in_language(name):
        return {tr(term).lower(): tr(definition) for term, definition in TERMS.items()}


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """Return the pattern of the language's terms; in Korean, particles follow them directly."""
    terms = "|".join(map(re.escape, sorted(_definitions(name), key=len, reverse=True)))
    after = r"(?![\w-])" if name == "en" else ""
    return re.compile(rf"(?<![\w-])({terms}){after}", re.IGNORECASE)


def with_definitions(text: str, known: set[str] | None = None) -> Markup:
    """Return the escaped text with each term's first occurrence with a tooltip.

    Terms in `known`, in lower case, are left as they are; those that are marked are added to it.
    """
    found = set() if known is None else known

    def with_tooltip(match: re.Match[str]) -> str:
        term = match[0].lower()
        if term in found:
            return match[0]
        found.add(term)
        tip = escape(_definitions(language())[term])
        tooltip = f'data-tip="{tip}" aria-description="{tip}"'
        return f'<span class="term" role="term" tabindex="0" {tooltip}>{match[0]}</span>'

    return Markup(_pattern(language()).sub(with_tooltip, str(escape(text))))


def sentences_with_definitions(sentences: Sequence[str]) -> list[Markup]:
    """Return the escaped sentences, of which the first to use a term defines it."""
    known: set[str] = set()
    return [with_definitions(sentence, known) for sentence in sentences]
