"""Published figures of Mission and its baselines, with the protocol that they were made under.

Liu et al., "Mission: mmWave Radar Person Identification with RGB Cameras", SenSys 2024: the paper
and the result files that its authors released. Shares are percentages of recorded people, ours are
of others: they are printed beside ours for orientation, not as a target.
"""

from __future__ import annotations

from dataclasses import dataclass

PROTOCOL = (
    "Published: 58 recorded people, five channels of an IWR6843, ten frames or more, all walks of "
    "the data set enrolled but the query's own pair. In the released evaluation every query is "
    "fused with pictures of its own true person before it is ranked, and every record with its own "
    "person's radar (`released_compat`, leaks identity). A query of pure noise is found that way "
    "too; which protocol made the paper's 85.4 cannot be told from the release. So only columns "
    "marked `released_compat (leaks identity)` are made alike, and none is of the same people."
)
UNLABELLED = (
    "The released ablation file does not say which of top-1 54.8 and 56.5 is noAT and which noTL; "
    "the text of the paper fits the order given here."
)


@dataclass(frozen=True)
class Published:
    """Published figures of one network.

    Attributes:
        title: Name in the paper.
        top: Share by rank, percent.
    """

    title: str
    top: dict[int, float]


def _curve(title: str, *values: float) -> Published:
    return Published(title, dict(enumerate(values, 1)))


NETWORKS = {
    "mission": _curve("Mission", 85.4, 86.3, 87.7, 89.7, 90.3, 91.3, 93.3, 94.3, 94.8, 94.9),
    "ptl": _curve("PTL", 53.3, 58.0, 63.2, 64.7, 65.2, 71.8, 73.7, 77.5, 79.5, 81.0),
    "pgl": _curve("PGL", 52.3, 56.3, 58.2, 64.7, 73.0, 76.8, 77.7, 79.5, 80.2, 81.2),
    "vcgl": _curve("VCGL", 51.3, 57.3, 60.2, 62.7, 71.0, 73.8, 75.7, 78.5, 79.5, 80.2),
    "dgl": _curve("DGL", 50.3, 59.3, 62.2, 62.7, 64.0, 70.8, 74.7, 76.5, 77.5, 79.5),
    "hrd": Published("HRD", {1: 55.6}),
    "mission_no_fu": Published("noFU", {1: 64.8, 3: 68.5, 5: 71.7}),
    "mission_no_at": Published("noAT", {1: 54.8, 3: 58.5, 5: 65.7}),
    "mission_no_tl": Published("noTL", {1: 56.5, 3: 73.9, 5: 84.8}),
}
"""Name of the network here -> published figures."""
POSES_CM = {
    "mission": {"radar_fused": 3.90, "vision_fused": 4.62},
    "mmmesh": {"radar_alone": 4.43},
    "ptl": {"vision_alone": 14.02},
}
"""Name of the network here -> average joint error; for ptl that of its camera branch, TCMR."""
BY_FRAMES = {5: 76.1, 10: 78.3, 15: 83.9, 20: 86.9}
BY_RADAR_VIEW = {"0": 86.9, "15": 79.1, "30": 76.3, "45": 75.3, "60": 42.3}
BY_CAMERA_VIEW = {"0": 86.9, "15": 81.1, "30": 76.3, "45": 75.3, "60": 65.3}
BY_RECORDS = {1: 80.9, 8: 86.6}
UNSEEN_TOP1 = 84.9
"""18 people whom training did not see."""
SCENES_POINTS = 4.0
"""Most that another scene costs, points of top-1."""
