"""``python tools/ros_pip``: the command line without anything installed."""

from __future__ import annotations

import sys

from ros_pip.cli import main

sys.exit(main())
