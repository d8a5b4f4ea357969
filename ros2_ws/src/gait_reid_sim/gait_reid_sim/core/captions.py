"""Say in words what a simulated person looks like: parts of the body, build, clothes, bags.

Pairs of pictures and such captions are what contrastive training of pictures and texts needs
(Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gait_reid_sim.core.body.anthropometry import MAN, Anthropometry
from gait_reid_sim.core.body.outfit import BAGS, BOTTOMS, TOPS, Cloth, Colour, Outfit
from gait_reid_sim.core.person import Person

PARTS = ("head", "arms", "torso", "legs", "feet")

CLOTH_NAMES: dict[str, Colour] = {
    "black": (0.02, 0.02, 0.025),
    "charcoal": (0.06, 0.06, 0.07),
    "gray": (0.20, 0.20, 0.21),
    "white": (0.75, 0.75, 0.74),
    "navy": (0.018, 0.03, 0.09),
    "blue": (0.05, 0.12, 0.36),
    "red": (0.35, 0.03, 0.03),
    "green": (0.06, 0.18, 0.07),
    "beige": (0.45, 0.33, 0.18),
    "brown": (0.17, 0.09, 0.05),
    "yellow": (0.62, 0.42, 0.05),
    "purple": (0.30, 0.07, 0.22),
    "teal": (0.10, 0.33, 0.38),
    "pink": (0.60, 0.25, 0.25),
}
"""Linear RGB of what is called by each name."""
HAIR_NAMES: dict[str, Colour] = {
    "black": (0.012, 0.010, 0.009),
    "dark": (0.035, 0.020, 0.012),
    "brown": (0.10, 0.055, 0.028),
    "blond": (0.28, 0.17, 0.075),
    "gray": (0.25, 0.24, 0.23),
    "red": (0.16, 0.05, 0.02),
}
SKIN_NAMES: dict[str, Colour] = {
    "fair": (0.80, 0.56, 0.44),
    "tan": (0.66, 0.42, 0.30),
    "olive": (0.52, 0.31, 0.21),
    "brown": (0.36, 0.20, 0.12),
    "dark": (0.19, 0.10, 0.06),
}
PATTERN_WORDS = {"plain": "", "stripes": "striped", "pinstripes": "pinstriped",
    "checks": "checked", "mottled": "mottled", "two_tone": "patched"}  # fmt: skip
HAIR_WORDS = {"short": "short", "medium": "medium", "long": "long", "bun": "tied"}
WORDING = (
    *PATTERN_WORDS.values(),
    *HAIR_WORDS.values(),
    *(name.replace("_", "-") for name in TOPS),
    *(name.replace("_", " ") for name in BOTTOMS),
    *BAGS[1:],
    "narrow broad short long small tall slim heavy man woman",
    "bald head with hair and skin",
    "bare arms in sleeves with umbrella",
    "torso legs feet in shoes",
    "wearing carrying nothing and",
)
"""Every word of the sentences but the names of colours."""


@dataclass(frozen=True)
class Captions:
    """Short sentences about one person in one outfit, lower case, without punctuation.

    Attributes:
        head: Hair and skin.
        arms: Sleeves, length, and an umbrella in the hand.
        torso: Breadth, what is worn above the waist, and a bag.
        legs: Length, and what is worn below the waist.
        feet: Shoes.
        build: Sex, stature and girth.
        clothing: What is worn.
        carried: What is carried.
    """

    head: str
    arms: str
    torso: str
    legs: str
    feet: str
    build: str
    clothing: str
    carried: str

    @property
    def parts(self) -> tuple[str, ...]:
        """The sentences of `PARTS`, in that order."""
        return tuple(getattr(self, part) for part in PARTS)

    @property
    def whole(self) -> str:
        """Build, clothing and what is carried in one sentence."""
        return f"{self.build} wearing {self.clothing} {self.carried}"


def caption(person: Person, outfit: Outfit) -> Captions:
    """Describe a person in an outfit.

    Args:
        person: Whose body it is.
        outfit: What is worn, for example `gait_reid_sim.core.dataset.record.outfit_of` a walk.
    """
    measures = person.anthropometry
    top = _joined(cloth_words(outfit.top_cloth), outfit.top.replace("_", "-"))
    bottom = _joined(cloth_words(outfit.bottom_cloth), outfit.bottom.replace("_", " "))
    shoes = f"{colour_word(outfit.shoe_cloth.colour)} shoes"
    return Captions(
        head=_head(outfit),
        arms=_arms(measures, outfit),
        torso=_joined(_degree(measures.shoulders, "narrow", "broad", 0.035), f"torso in {top}",
                      "" if outfit.bag == "none" else f"with {_bag(outfit)}"),
        legs=_joined(_degree(measures.leg, "short", "long", 0.02), f"legs in {bottom}"),
        feet=f"feet in {shoes}",
        build=_build(measures),
        clothing=f"{top} and {bottom} and {shoes}",
        carried=_carried(outfit),
    )  # fmt: skip


def colour_word(colour: Colour, names: Mapping[str, Colour] = CLOTH_NAMES) -> str:
    """Return the name whose linear RGB looks nearest (cube roots are about even to the eye)."""
    distance = {
        name: float(np.linalg.norm(np.cbrt(colour) - np.cbrt(value)))
        for name, value in names.items()
    }
    return min(distance, key=lambda name: distance[name])


def cloth_words(cloth: Cloth) -> str:
    """Return pattern and colour, for example ``striped red``."""
    return _joined(PATTERN_WORDS[cloth.pattern], colour_word(cloth.colour))


def _joined(*words: str) -> str:
    return " ".join(word for word in words if word)


def _degree(value: float, low: str, high: str, width: float, middle: float = 1.0) -> str:
    """Return a word for what is clearly below or above the middle, else nothing."""
    if value < middle - width:
        return low
    return high if value > middle + width else ""


def _head(outfit: Outfit) -> str:
    skin = f"{colour_word(outfit.skin, SKIN_NAMES)} skin"
    if outfit.hair_style == "bald":
        return f"bald head with {skin}"
    hair = f"{HAIR_WORDS[outfit.hair_style]} {colour_word(outfit.hair, HAIR_NAMES)} hair"
    return f"head with {hair} and {skin}"


def _arms(measures: Anthropometry, outfit: Outfit) -> str:
    sleeves = "bare arms"
    if outfit.top != "t_shirt":
        sleeves = f"arms in {cloth_words(outfit.top_cloth)} sleeves"
    held = f"with {cloth_words(outfit.umbrella_cloth)} umbrella" if outfit.umbrella else ""
    return _joined(_degree(measures.arm, "short", "long", 0.02), sleeves, held)


def _bag(outfit: Outfit) -> str:
    return f"{cloth_words(outfit.bag_cloth)} {outfit.bag}"


def _carried(outfit: Outfit) -> str:
    things = [] if outfit.bag == "none" else [_bag(outfit)]
    if outfit.umbrella:
        things.append(f"{cloth_words(outfit.umbrella_cloth)} umbrella")
    return f"carrying {' and '.join(things) or 'nothing'}"


def _build(measures: Anthropometry) -> str:
    return _joined(
        _degree(measures.stature_m, "small", "tall", 0.07, middle=1.69),
        _degree(float(np.log(measures.body_mass_index / 24.5)), "slim", "heavy", 0.12, middle=0.0),
        "man" if measures.sex == MAN else "woman",
    )
