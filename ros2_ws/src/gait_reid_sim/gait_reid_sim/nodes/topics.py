"""Topics of the simulator beyond those of the drivers that it stands for."""

from __future__ import annotations

from rosgraph_msgs.msg import Clock

from gait_reid_common.qos import RESULT, Qos, Topic
from gait_reid_msgs.msg import IdentityMatchArray, PersonTrackArray
from gait_reid_sim.adapters.outputs import TRUTH_IDENTITIES as IDENTITIES_NAME
from gait_reid_sim.adapters.outputs import TRUTH_TRACKS as TRACKS_NAME

TRUTH_TRACKS = Topic(
    TRACKS_NAME,
    PersonTrackArray,
    "Everybody who is present, with every frame of any sensor and its stamp",
    RESULT,
    RESULT,
)
TRUTH_IDENTITIES = Topic(
    IDENTITIES_NAME, IdentityMatchArray, "Who the tracks of the truth are", RESULT, RESULT
)
CLOCK = Topic(
    "/clock", Clock, "Time of the scene", Qos("reliable", 10), Qos("best_effort", 1), timed=False
)
