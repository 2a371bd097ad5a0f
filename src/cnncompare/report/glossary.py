"""The page's glossary: short definitions of its terms, marked where they first occur in a text."""

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

TERMS = {
    "statistically tied": "No significant difference was found; this does not prove equality.",
    "practically the same": "The difference is shown to be smaller than the margin that matters.",
    "significantly": "The p value, after Holm's correction for all pairs of the table, is below "
    "0.05.",
    "95 % interval": "A range that would contain the true value in 95 % of repetitions of the "
    "experiment.",
    "tie groups": "Rows that share a letter are statistically tied.",
    "power": "The probability that a test finds a difference of the stated size.",
    "Holm": "A correction of p values for the number of pairs that were tested.",
    "seeds": "Numbers that start the random generators; each seed is a training of its own.",
    "folds": "Parts of all images; each is tested once by a network trained on the others.",
    "hold-outs": "Test splits drawn at random from all images, independently of each other.",
    "top-1": "The share of images whose class is the network's first choice.",
    "top-5": "The share of images whose class is among the network's first five choices.",
    "balanced accuracy": "The mean over the classes of the share of their images that are right.",
    "macro-F1": "The mean over the classes of F1, which weighs misses and false alarms alike.",
    "calibration error": "The mean gap between confidence and accuracy (ECE).",
    "overconfident": "More confident than correct.",
    "GMACs": "10^9 multiply-accumulate operations for one image.",
    "dominated": "Another network is at least as accurate and cheaper.",
    "Pareto front": "The networks that no other one dominates.",
    "validation": "Images apart from training and test by which the epoch is selected.",
    "pretrained weights": "Weights from an earlier training, usually on ImageNet.",
    "majority vote": "The class that most of the networks choose.",
}
_PATTERN = re.compile(
    rf"(?<![\w-])({'|'.join(map(re.escape, sorted(TERMS, key=len, reverse=True)))})(?![\w-])",
    re.IGNORECASE,
)
_BY_LOWER = {term.lower(): definition for term, definition in TERMS.items()}


def with_definitions(text: str, known: set[str] | None = None) -> Markup:
    """Return the escaped text with each term's first occurrence with a tooltip.

    Terms in `known`, in lower case, are left as they are; those that are marked are added to it.
    """
    found = set() if known is None else known

    def marked(match: re.Match[str]) -> str:
        term = match[0].lower()
        if term in found:
            return match[0]
        found.add(term)
        tip = escape(_BY_LOWER[term])
        tooltip = f'data-tip="{tip}" aria-description="{tip}"'
        return f'<span class="term" role="term" tabindex="0" {tooltip}>{match[0]}</span>'

    return Markup(_PATTERN.sub(marked, str(escape(text))))


def sentences_with_definitions(sentences: Sequence[str]) -> list[Markup]:
    """Return the escaped sentences, of which the first to use a term defines it."""
    known: set[str] = set()
    return [with_definitions(sentence, known) for sentence in sentences]
