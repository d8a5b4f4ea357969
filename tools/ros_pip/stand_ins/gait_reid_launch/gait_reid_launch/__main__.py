"""``python -m gait_reid_launch``."""

from __future__ import annotations

import sys

from gait_reid_launch.cli import main

sys.exit(main())
