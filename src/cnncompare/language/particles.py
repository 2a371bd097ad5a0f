"""Particles of Korean, whose form depends on the last sound of the name before them."""

import re

_FINAL_OF_DIGIT = {"1": "ㄹ", "3": "ㅁ", "6": "ㄱ", "7": "ㄹ", "8": "ㄹ", "0": "ㅇ"}
_LETTERS = {"l": "ㄹ", "m": "ㅁ", "n": "ㄴ", "r": "ㄹ"}  # as names: el, em, en, ar
_SIGNS = {"%": "", "+": "", "°": ""}  # 퍼센트, 플러스, 도
_RIEUL = 8  # number of ㄹ among the final consonants of a syllable


def with_particle(name: str, forms: str) -> str:
    """Return the name with the form that fits its last sound.

    `forms` has the form after a consonant and that after a vowel: "은/는", "이/가", "을/를",
    "과/와", "으로/로". Text in brackets at the end of the name is not read.
    """
    after_consonant, after_vowel = forms.split("/")
    final = final_consonant(name)
    if after_consonant.startswith("으") and final == "ㄹ":
        return name + after_vowel
    return name + (after_consonant if final else after_vowel)


def final_consonant(name: str) -> str:
    """Return a consonant, or an empty string for a vowel, at the end of the name as it is read."""
    spoken = re.sub(r"(?:\s*\([^()]*\))+\s*$", "", name) or name
    spoken = spoken.rstrip(" .,;:!?\"'`)]}>")
    if not spoken:
        return ""
    last = spoken[-1]
    if "가" <= last <= "힣":
        number = (ord(last) - ord("가")) % 28
        return "ㄹ" if number == _RIEUL else "ㄴ" if number else ""
    if last.isdigit():
        return _FINAL_OF_DIGIT.get(last, "")
    if last in _SIGNS or not last.isascii() or not last.isalpha():
        return ""
    letters = re.search(r"[A-Za-z]+$", spoken)
    return _of_latin(letters[0]) if letters else ""


def _of_latin(name: str) -> str:
    """Return the final consonant of a Latin name: its letters are named, or it is pronounced."""
    is_spelled = name.isupper() or not re.search(r"[aeiouy]", name.lower())
    if is_spelled or len(name) == 1:
        return _LETTERS.get(name[-1].lower(), "")
    name = name.lower()
    if re.search(r"(?:ng|[^aeiou]?ne|n)$", name):
        return "ㄴ"
    if re.search(r"(?:le|l)$", name):
        return "ㄹ"
    if re.search(r"(?:me|m)$", name):
        return "ㅁ"
    # a stop after one short vowel closes the syllable: net, block, web, step, plastic
    return "ㄱ" if re.search(r"(?:^|[^aeiou])[aeiou](?:ck|[bckpt])$", name) else ""
