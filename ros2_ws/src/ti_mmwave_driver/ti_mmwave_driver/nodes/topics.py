"""Topics and services of the radar node."""

from __future__ import annotations

from sensor_msgs.msg import PointCloud2
from std_srvs.srv import SetBool

from gait_reid_common.qos import LATCHED, RESULT, SENSOR_IN, SENSOR_OUT, ServiceInterface, Topic
from gait_reid_msgs.msg import RadarInfo, RadarRangeProfile, RadarTargetArray
from gait_reid_msgs.srv import SendCommand, SetProfile

RADAR_POINTS = Topic(
    "radar/points",
    PointCloud2,
    "Every frame, empty ones too: x y z [m], velocity [m/s], intensity (SNR) and noise [dB]",
    SENSOR_OUT,
    SENSOR_IN,
)
RADAR_TARGETS = Topic(
    "radar/targets", RadarTargetArray, "Targets of the radar's own tracker", RESULT, RESULT
)
RADAR_RANGE_PROFILE = Topic(
    "radar/range_profile",
    RadarRangeProfile,
    "Echo over range, where the profile asks for it",
    SENSOR_OUT,
    SENSOR_IN,
)
RADAR_INFO = Topic(
    "radar/info", RadarInfo, "Firmware, profile and limits", LATCHED, LATCHED, timed=False
)
SEND_COMMAND = ServiceInterface("~/send_command", SendCommand, "Send one line to the radar")
SET_PROFILE = ServiceInterface("~/set_profile", SetProfile, "Check and change the profile")
RECORD = ServiceInterface("~/record", SetBool, "Begin or end to record the bytes of the data port")
