"""rosbag2 recordings (sqlite3 and mcap) without DDS and without an installed ROS."""

from gait_reid.adapters.bags.errors import BagDamagedError, BagError
from gait_reid.adapters.bags.messages import provide_message_modules
from gait_reid.adapters.bags.reader import BagReader
from gait_reid.adapters.bags.storage import BagMessage, TopicInfo
from gait_reid.adapters.bags.writer import BagWriter

__all__ = [
    "BagDamagedError",
    "BagError",
    "BagMessage",
    "BagReader",
    "BagWriter",
    "TopicInfo",
    "provide_message_modules",
]
