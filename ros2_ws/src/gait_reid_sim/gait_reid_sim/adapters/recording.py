"""A scene as a rosbag2 recording, without ROS and faster or slower than real time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import islice
from pathlib import Path

from gait_reid.adapters.bags.messages import message_class, provide_message_modules
from gait_reid.adapters.bags.writer import BagWriter
from gait_reid_common.stamps import NS_PER_S
from gait_reid_sim.adapters import outputs
from gait_reid_sim.adapters.frames import sensor_transforms
from gait_reid_sim.core.playback.rendering import Rendered, Renderer
from gait_reid_sim.core.playback.schedule import Slot, slots
from gait_reid_sim.core.playback.truth import TruthKeeper
from gait_reid_sim.core.scene.simulation import SensorFrame, Simulation

EPOCH_S = 1_000_000_000
"""Time at which a recorded scene begins; the same as in the node's ``epoch_s``."""

_TF = "tf2_msgs/msg/TFMessage"


def record_scene(
    simulation: Simulation,
    path: Path,
    workers: int = 0,
    frame_id: str = "site",
    storage: str = "mcap",
    progress: Callable[[float], None] | None = None,
) -> int:
    """Write everything that the simulator node would publish; return the number of messages.

    Args:
        simulation: The scenario.
        path: Folder of the recording, which must not exist.
        workers: Processes that render; 0: this one.
        frame_id: Fixed frame of the truth.
        storage: ``mcap`` or ``sqlite3``.
        progress: Told the scene's time after each frame, seconds.

    Raises:
        BagError: The folder cannot be made.
    """
    provide_message_modules()
    keeper = TruthKeeper(frame_id, len(simulation.scenario.walks))
    count = 1
    renderer = Renderer(simulation, workers)
    with BagWriter(path, storage) as bag:
        poses = message_class(_TF)(transforms=sensor_transforms(simulation.scenario, frame_id))
        bag.write("/tf_static", _TF, EPOCH_S * NS_PER_S, poses)
        try:
            renderer.start()
            for slot, frame in _frames(simulation, renderer):
                stamp_ns = EPOCH_S * NS_PER_S + frame.stamp_ns
                time_ns = EPOCH_S * NS_PER_S + round(slot.release_s * NS_PER_S)
                made = outputs.sensor_messages(frame, stamp_ns)
                made += outputs.truth_messages(keeper, frame, stamp_ns)
                for topic, type_name, message in made:
                    bag.write(f"/{topic}", type_name, time_ns, message)
                count += len(made)
                if progress is not None:
                    progress(slot.release_s)
        finally:
            renderer.close()
    return count


def _frames(simulation: Simulation, renderer: Renderer) -> Iterator[tuple[Slot, SensorFrame]]:
    """Yield all frames in the order in which they are complete."""
    upcoming = slots(simulation)
    waiting: deque[tuple[Slot, Future[Rendered]]] = deque()
    while True:
        for slot in islice(upcoming, 2 * renderer.workers + 1 - len(waiting)):
            waiting.append((slot, renderer.submit(slot.sensor, slot.number)))
        if not waiting:
            return
        slot, future = waiting.popleft()
        yield slot, future.result().frame
