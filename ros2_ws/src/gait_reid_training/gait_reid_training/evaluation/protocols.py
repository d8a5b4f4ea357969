"""Who is enrolled, who is looked for, and which groups of probes are told apart.

* ``cross_distance``: LRGait (gallery at 10 m by day; probes farther away, by day and night).
* ``sustech1k``: SUSTech1K (Shen et al., CVPR 2023), gallery ``00-nm``, probes by kind of walk.
* ``freegait``: FreeGait (Han et al., ACM MM 2024), the lists of the data set.
* ``open_set``: as ``cross_distance``, with half of the people not enrolled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gait_reid_training.evaluation.walks import EmbeddedWalks, Text

Bool = npt.NDArray[np.bool_]
MODES = ("cross_distance", "sustech1k", "freegait", "open_set")
NIGHT_LIGHTS = ("night",)
SUSTECH1K_GALLERY = "00-nm"
SUSTECH1K_PROBES = {
    "Normal": ("01-nm",), "Bag": ("bg",), "Clothing": ("cl",), "Carrying": ("cr",),
    "Umbrella": ("ub",), "Uniform": ("uf",), "Occlusion": ("oc",), "Night": ("nt",),
}  # fmt: skip
SUSTECH1K_OVERALL = ("01", "02", "03", "04")


class ProtocolError(ValueError):
    """The walks do not fit the protocol."""


@dataclass(frozen=True)
class Protocol:
    """How walks are compared.

    Attributes:
        mode: One of `MODES`.
        gallery: (n,) bool, walks that are enrolled.
        probe: (n,) bool, walks that are looked for.
        groups: Kind of group -> name of the group -> (n,) bool.
        view: (n,) name of the view of each walk; empty: unknown, and like no other.
        view_pairs: Whether the headline is the mean over pairs of views (SUSTech1K).
    """

    mode: str
    gallery: Bool
    probe: Bool
    view: Text
    groups: dict[str, dict[str, Bool]] = field(default_factory=dict)
    view_pairs: bool = False


def protocol_of(mode: str, walks: EmbeddedWalks) -> Protocol:
    """Return the protocol of a mode for these walks.

    Raises:
        ProtocolError: Nothing to enrol or to look for; says what the walks have and what is needed.
    """
    makers: dict[str, Callable[[EmbeddedWalks], Protocol]] = {
        "cross_distance": _cross_distance,
        "sustech1k": _sustech1k,
        "freegait": _freegait,
        "open_set": _open_set,
    }
    if mode not in makers:
        raise ProtocolError(f"mode {mode!r} does not exist, known are {', '.join(MODES)}")
    return makers[mode](walks)


def _cross_distance(walks: EmbeddedWalks) -> Protocol:
    """Gallery: condition ``gallery`` where there is one, else the nearest range by day."""
    gallery = walks.condition == "gallery"
    if not gallery.any():
        nearest = walks.range_m.min(initial=np.inf)
        gallery = (np.abs(walks.range_m - nearest) < 0.5) & ~_night(walks)
    probe = ~gallery
    _check("cross_distance", walks, gallery, probe, "a condition 'gallery', or walks by day")
    kinds = {
        "light and range": _named(walks, probe, _light_and_range(walks)),
        "light": _named(walks, probe, np.where(_night(walks), "night", "day")),
        "range": _named(walks, probe, np.array([f"{one:g} m" for one in walks.range_m])),
        "outfit": _named(walks, probe, walks.outfit),
        "condition": _named(walks, probe, walks.condition),
        "view": _named(walks, probe, _views(walks)),
    }
    return Protocol("cross_distance", gallery, probe, _views(walks), kinds)


def _open_set(walks: EmbeddedWalks) -> Protocol:
    base = _cross_distance(walks)
    if len(np.unique(walks.person_id)) < 4:
        raise ProtocolError(
            f"open_set needs at least 4 people, the walks are of {len(np.unique(walks.person_id))}"
        )
    kinds = {kind: base.groups[kind] for kind in ("light and range", "light", "outfit")}
    return Protocol("open_set", base.gallery, base.probe, base.view, kinds)


def _sustech1k(walks: EmbeddedWalks) -> Protocol:
    gallery = _has(walks.condition, (SUSTECH1K_GALLERY,))
    kinds = {name: _has(walks.condition, marks) for name, marks in SUSTECH1K_PROBES.items()}
    probe = np.logical_or.reduce([*kinds.values(), _has(walks.condition, SUSTECH1K_OVERALL)])
    probe &= ~gallery
    _check("sustech1k", walks, gallery, probe, f"conditions {SUSTECH1K_GALLERY}, 01-nm, 02-bg, ...")
    overall = _has(walks.condition, SUSTECH1K_OVERALL) & probe
    groups = {"Overall": overall, **{name: mask & probe for name, mask in kinds.items()}}
    groups = {name: mask for name, mask in groups.items() if mask.any()}
    # Views such as 180-far have the degrees of others: the rest of the walk's name tells them.
    pairs = zip(walks.condition.tolist(), walks.name.tolist())
    view = np.array([name.removeprefix(f"{condition}-") for condition, name in pairs])
    return Protocol("sustech1k", gallery, probe, view, {"probe": groups}, view_pairs=True)


def _freegait(walks: EmbeddedWalks) -> Protocol:
    gallery = _has(walks.condition, ("gallery",))
    probe = _has(walks.condition, ("probe",))
    _check("freegait", walks, gallery, probe, "conditions 'gallery' and 'probe'")
    light = _named(walks, probe, np.where(_night(walks), "night", "day"))
    return Protocol("freegait", gallery, probe, _views(walks), {"light": light})


def same_view(first: Text, second: Text) -> Bool:
    """Return (n, m) bool: whether two walks, (n,) and (m,) names, go the same way."""
    return np.asarray((first[:, None] == second[None]) & (first != "")[:, None])


def _views(walks: EmbeddedWalks) -> Text:
    """Return the degrees in which people walk as names."""
    return np.array(
        [f"{round(one) % 360}" if np.isfinite(one) else "" for one in walks.view_deg.tolist()]
    )


def _night(walks: EmbeddedWalks) -> Bool:
    return np.isin(walks.light, NIGHT_LIGHTS)


def _light_and_range(walks: EmbeddedWalks) -> Text:
    letters = np.where(_night(walks), "N", "D")
    return np.array([f"{letter}-{one:.0f}" for letter, one in zip(letters, walks.range_m)])


def _named(walks: EmbeddedWalks, probe: Bool, names: Text) -> dict[str, Bool]:
    """Return one group per name, in natural order."""
    found = sorted(set(names[probe].tolist()), key=_natural)
    return {str(name): (names == name) & probe for name in found}


def _natural(name: str) -> tuple[str, float, str]:
    head = name.rstrip("0123456789. m")
    digits = name[len(head) :].rstrip(" m")
    return (head, float(digits) if digits else 0.0, name)


def _has(names: Text, marks: tuple[str, ...]) -> Bool:
    return np.array([any(mark in name for mark in marks) for name in names.tolist()], bool)


def _check(mode: str, walks: EmbeddedWalks, gallery: Bool, probe: Bool, needed: str) -> None:
    if gallery.any() and probe.any():
        return
    found = ", ".join(sorted(set(walks.condition.tolist()))[:12]) or "none"
    raise ProtocolError(
        f"{mode} finds {int(gallery.sum())} walks to enrol and {int(probe.sum())} to look for in "
        f"{len(walks)} walks (conditions: {found}); it needs {needed}"
    )
