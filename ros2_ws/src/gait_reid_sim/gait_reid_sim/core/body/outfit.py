"""What a person wears and carries: kinds, thickness, colours and patterns."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

PATTERNS = ("plain", "stripes", "pinstripes", "checks", "mottled", "two_tone")
HAIR_STYLES = ("bald", "short", "medium", "long", "bun")
TOPS = ("t_shirt", "shirt", "sweater", "jacket", "coat")
BOTTOMS = ("trousers", "loose_trousers", "shorts", "skirt")
BAGS = ("none", "backpack", "handbag", "satchel")
UMBRELLA_ARM = (0.45, 1.75)
"""Flexion of shoulder and elbow, radians, of the arm that holds an umbrella."""
Colour = tuple[float, float, float]

SKIN_TONES: tuple[Colour, ...] = (
    (0.78, 0.53, 0.40),
    (0.66, 0.42, 0.30),
    (0.52, 0.31, 0.21),
    (0.36, 0.20, 0.12),
    (0.19, 0.10, 0.06),
    (0.83, 0.60, 0.48),
)
HAIR_COLOURS: tuple[Colour, ...] = (
    (0.012, 0.010, 0.009),
    (0.035, 0.020, 0.012),
    (0.10, 0.055, 0.028),
    (0.28, 0.17, 0.075),
    (0.25, 0.24, 0.23),
    (0.16, 0.05, 0.02),
)
CLOTH_COLOURS: tuple[Colour, ...] = (
    (0.02, 0.02, 0.025),
    (0.06, 0.06, 0.07),
    (0.20, 0.20, 0.21),
    (0.75, 0.75, 0.74),
    (0.018, 0.03, 0.09),
    (0.05, 0.12, 0.36),
    (0.35, 0.03, 0.03),
    (0.06, 0.18, 0.07),
    (0.45, 0.33, 0.18),
    (0.17, 0.09, 0.05),
    (0.62, 0.42, 0.05),
    (0.30, 0.07, 0.22),
    (0.10, 0.33, 0.38),
    (0.60, 0.25, 0.25),
)


@dataclass(frozen=True)
class Cloth:
    """One garment's surface: linear RGB colours and a pattern.

    Attributes:
        colour: Linear RGB in [0, 1].
        second: Linear RGB of the pattern.
        pattern: One of `PATTERNS`.
        period_m: Repetition of the pattern.
        reflectivity: Diffuse, at the wavelength of LiDARs (850 to 940 nm), in [0, 1].
    """

    colour: Colour = (0.2, 0.2, 0.2)
    second: Colour = (0.5, 0.5, 0.5)
    pattern: str = "plain"
    period_m: float = 0.06
    reflectivity: float = 0.4

    def __post_init__(self) -> None:
        if self.pattern not in PATTERNS:
            raise ValueError(f"Cloth.pattern is {self.pattern!r}, allowed: {', '.join(PATTERNS)}")


@dataclass(frozen=True)
class Outfit:
    """Everything that belongs to a person's looks but not to the body.

    Attributes:
        skin: Linear RGB.
        hair: Linear RGB.
        hair_style: One of `HAIR_STYLES`.
        top: One of `TOPS`.
        top_cloth: Its surface.
        top_thickness_m: Distance of its surface from the skin.
        bottom: One of `BOTTOMS`.
        bottom_cloth: Its surface.
        bottom_thickness_m: Distance of its surface from the skin.
        shoe_cloth: Surface of the shoes.
        sole_m: Thickness of the soles.
        bag: One of `BAGS`.
        bag_cloth: Its surface.
        bag_side: 0 left, 1 right.
        umbrella: Whether an open umbrella is carried in the hand away from the bag.
        umbrella_cloth: Its surface.
    """

    skin: Colour = SKIN_TONES[0]
    hair: Colour = HAIR_COLOURS[0]
    hair_style: str = "short"
    top: str = "t_shirt"
    top_cloth: Cloth = field(default_factory=Cloth)
    top_thickness_m: float = 0.010
    bottom: str = "trousers"
    bottom_cloth: Cloth = field(default_factory=Cloth)
    bottom_thickness_m: float = 0.012
    shoe_cloth: Cloth = field(default_factory=Cloth)
    sole_m: float = 0.028
    bag: str = "none"
    bag_cloth: Cloth = field(default_factory=Cloth)
    bag_side: int = 1
    umbrella: bool = False
    umbrella_cloth: Cloth = field(default_factory=Cloth)

    def __post_init__(self) -> None:
        for name, allowed in (
            ("hair_style", HAIR_STYLES),
            ("top", TOPS),
            ("bottom", BOTTOMS),
            ("bag", BAGS),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"Outfit.{name} is {getattr(self, name)!r}, allowed: {', '.join(allowed)}"
                )


def _cloth(rng: np.random.Generator, plain: float) -> Cloth:
    first, second = rng.choice(len(CLOTH_COLOURS), 2, replace=False)
    shade = float(np.exp(rng.normal(0.0, 0.25)))
    colour = tuple(float(min(c * shade, 0.85)) for c in CLOTH_COLOURS[first])
    pattern = "plain" if rng.random() < plain else str(rng.choice(PATTERNS[1:]))
    return Cloth(
        colour,  # type: ignore[arg-type]
        CLOTH_COLOURS[second],
        pattern,
        float(rng.uniform(0.03, 0.12)),
        # Dyes that are dark to the eye are often bright in the near infrared.
        float(np.clip(rng.normal(0.45, 0.17), 0.08, 0.9)),
    )


def sample_looks(rng: np.random.Generator, sex: int) -> Outfit:
    """Draw skin and hair, which a person keeps, and an ordinary outfit."""
    styles = ((0.10, 0.72, 0.14, 0.02, 0.02), (0.0, 0.16, 0.32, 0.36, 0.16))[sex]
    looks = Outfit(
        skin=SKIN_TONES[int(rng.integers(len(SKIN_TONES)))],
        hair=HAIR_COLOURS[int(rng.integers(len(HAIR_COLOURS)))],
        hair_style=str(rng.choice(HAIR_STYLES, p=styles)),
    )
    return change_clothes(looks, rng, sex)


def change_clothes(
    looks: Outfit,
    rng: np.random.Generator,
    sex: int = 0,
    top: str | None = None,
    bottom: str | None = None,
    bag: str = "none",
    umbrella: bool = False,
) -> Outfit:
    """Return the person in another outfit; what is not given is drawn."""
    ordinary = ("t_shirt", "shirt", "sweater", "jacket")
    top = top or str(rng.choice(ordinary, p=(0.35, 0.3, 0.2, 0.15)))
    odds = ((0.88, 0.06, 0.06, 0.0), (0.74, 0.06, 0.06, 0.14))[sex]
    bottom = bottom or str(rng.choice(BOTTOMS, p=odds))
    thickness = {
        "sweater": (0.018, 0.006),
        "jacket": (0.022, 0.006),
        "coat": (0.035, 0.006),
    }.get(top, (0.010, 0.006))
    loose = (0.032, 0.005) if bottom == "loose_trousers" else (0.012, 0.006)
    return replace(
        looks,
        top=top,
        top_cloth=_cloth(rng, 0.9 if top in ("jacket", "coat") else 0.5),
        top_thickness_m=float(np.clip(rng.normal(*thickness), 0.003, 0.05)),
        bottom=bottom,
        bottom_cloth=_cloth(rng, 0.9),
        bottom_thickness_m=float(np.clip(rng.normal(*loose), 0.003, 0.05)),
        shoe_cloth=_cloth(rng, 1.0),
        sole_m=float(np.clip(rng.normal(0.028, 0.010), 0.01, 0.06)),
        bag=bag,
        bag_cloth=_cloth(rng, 0.8),
        bag_side=int(rng.integers(2)),
        umbrella=umbrella,
        umbrella_cloth=_cloth(rng, 0.7),
    )
