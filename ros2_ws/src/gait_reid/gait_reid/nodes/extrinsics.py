"""Where the sensors are, from tf2."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.time import Time

from gait_reid.core.geometry import Pose
from gait_reid_common.inputs import DroppedError
from gait_reid_common.parameters import ParameterError


class TfExtrinsics:
    """Looks up sensor poses without waiting: what is not known yet costs the frame, no more.

    Raises:
        ParameterError: tf2 is not installed.
    """

    def __init__(self, node: Node, fixed_frame: str) -> None:
        try:
            import tf2_ros
        except ImportError as error:
            raise ParameterError(
                "extrinsics", "tf", "'parameters' where tf2_ros is not installed"
            ) from error
        self._fixed_frame = fixed_frame
        self._buffer = tf2_ros.Buffer(node=node)
        self._listener = tf2_ros.TransformListener(self._buffer, node, spin_thread=False)
        self._error = tf2_ros.TransformException

    def pose(self, frame_id: str, stamp_ns: int) -> Pose:
        """Return the pose of a sensor's frame in the fixed frame.

        Raises:
            DroppedError: It is not known at this time.
        """
        time = Time(nanoseconds=stamp_ns)
        try:
            transform = self._buffer.lookup_transform(self._fixed_frame, frame_id, time).transform
        except self._error as error:
            raise DroppedError("tf_missing") from error
        t, q = transform.translation, transform.rotation
        return Pose.from_quaternion(t.x, t.y, t.z, (q.x, q.y, q.z, q.w))

    def close(self) -> None:
        """Unsubscribe from the transforms."""
        self._listener.unregister()
