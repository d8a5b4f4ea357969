"""Poses of simulated sensors as transforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.spatial.transform import Rotation

from gait_reid.core.geometry import Pose, optical_pose
from gait_reid_sim.core.scene.scenario import Scenario

if TYPE_CHECKING:
    from geometry_msgs.msg import TransformStamped


def sensor_transforms(scenario: Scenario, frame_id: str) -> list[TransformStamped]:
    """Return the transforms from the fixed frame to every sensor, and to optical frames (REP-103).

    Args:
        scenario: The scenario.
        frame_id: Name of the fixed frame.
    """
    found = []
    for plan in scenario.sensors:
        found.append(_transform(plan.mount, frame_id, plan.name))
        if plan.type == "camera":
            optical = optical_pose(Pose())
            found.append(_transform(optical, plan.name, f"{plan.name}_optical"))
    return found


def _transform(pose: Pose, parent: str, child: str) -> TransformStamped:
    from geometry_msgs.msg import TransformStamped

    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    translation, rotation = message.transform.translation, message.transform.rotation
    translation.x, translation.y, translation.z = pose.translation.tolist()
    quaternion = Rotation.from_matrix(pose.rotation).as_quat().tolist()
    rotation.x, rotation.y, rotation.z, rotation.w = quaternion
    return message
