"""Tests end processes by SIGINT, which whatever a shell starts in the background is deaf to."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
