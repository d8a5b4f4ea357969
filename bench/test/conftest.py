import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in ("", "ros2_ws/src/gait_reid", "ros2_ws/src/gait_reid_common"):
    if str(ROOT / folder) not in sys.path:
        sys.path.append(str(ROOT / folder))
