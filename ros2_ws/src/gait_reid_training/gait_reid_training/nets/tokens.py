"""Texts as token numbers: CLIP's for the prompts of EMGaitNet, and words for our small towers.

The prompts are those of the paper, "A photo of the [PART] of a [X] person.", X being a learned
word. CLIP's byte-pair vocabulary splits "torso" in two, so that its prompt is one token longer and
X stands one place later: positions belong to each prompt, not to all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gait_reid_sim.core import captions

PARTS = captions.PARTS
PAD, START, END = 0, 1, 2
SPECIAL_WORDS = ("<pad>", "<start>", "<end>")

CLIP_START, CLIP_END = 49406, 49407
CLIP_TOKENS: dict[str, tuple[int, ...]] = {
    "a": (320,),
    "photo": (1125,),
    "of": (539,),
    "the": (518,),
    "head": (1375,),
    "arms": (5706,),
    "torso": (937, 706),
    "legs": (7072,),
    "feet": (4804,),
    "person": (2533,),
    ".": (269,),
}
"""Numbers in the byte-pair vocabulary of 49408 entries that all public CLIP models share."""


@dataclass(frozen=True)
class Prompt:
    """One prompt around the learned word.

    Attributes:
        before: Token numbers up to the learned word, start included.
        after: Token numbers behind it, end included.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def length(self) -> int:
        """Number of tokens, the learned word included."""
        return len(self.before) + 1 + len(self.after)

    @property
    def end(self) -> int:
        """Position of the end token, whose feature is the text's."""
        return self.length - 1


def clip_prompts() -> tuple[Prompt, ...]:
    """Return the prompts of `PARTS` for a public CLIP text tower."""
    return tuple(
        Prompt((CLIP_START, *_clip(f"a photo of the {part} of a")), (*_clip("person ."), CLIP_END))
        for part in PARTS
    )


def clip_static_texts() -> tuple[tuple[int, ...], ...]:
    """Return the class-level prompts of `PARTS` ("A photo of the head of a person.")."""
    return tuple(
        (CLIP_START, *_clip(f"a photo of the {part} of a person ."), CLIP_END) for part in PARTS
    )


def _clip(text: str) -> tuple[int, ...]:
    return tuple(number for word in text.split() for number in CLIP_TOKENS[word])


def caption_words() -> tuple[str, ...]:
    """Return every word that captions and prompts are made of, in alphabetical order."""
    words = set(f"a photo of the person . {' '.join(PARTS)}".split())
    for names in (captions.CLOTH_NAMES, captions.HAIR_NAMES, captions.SKIN_NAMES):
        words.update(names)
    words.update(*(text.split() for text in captions.WORDING))
    return tuple(sorted(words))


class WordTokens:
    """Numbers of words, after those of `SPECIAL_WORDS`.

    Args:
        words: The vocabulary.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._number = {word: i for i, word in enumerate((*SPECIAL_WORDS, *words))}

    def __len__(self) -> int:
        return len(self._number)

    def encode(self, text: str) -> tuple[int, ...]:
        """Return start, the words of a text, and end.

        Raises:
            ValueError: A word that the vocabulary lacks.
        """
        return (START, *self._numbers(text), END)

    def _numbers(self, text: str) -> tuple[int, ...]:
        unknown = [word for word in text.split() if word not in self._number]
        if unknown:
            raise ValueError(f"{text!r}: the vocabulary has no word {', '.join(unknown)}")
        return tuple(self._number[word] for word in text.split())

    def prompts(self) -> tuple[Prompt, ...]:
        """Return the prompts of `PARTS`."""
        return tuple(
            Prompt(
                (START, *self._numbers(f"a photo of the {part} of a")),
                (*self._numbers("person ."), END),
            )
            for part in PARTS
        )

    def static_texts(self) -> tuple[tuple[int, ...], ...]:
        """Return the class-level prompts of `PARTS`."""
        return tuple(self.encode(f"a photo of the {part} of a person .") for part in PARTS)


def padded(texts: Sequence[Sequence[int]]) -> tuple[list[list[int]], list[int]]:
    """Return texts of equal length and the position of each one's end token."""
    longest = max(len(text) for text in texts)
    return (
        [[*text, *[PAD] * (longest - len(text))] for text in texts],
        [len(text) - 1 for text in texts],
    )
