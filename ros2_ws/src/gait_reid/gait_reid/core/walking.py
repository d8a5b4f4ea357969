"""Who walks and who stands: hysteresis over the speed of tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Tracks, TrackState
from gait_reid_common.parameters import param, validate


@dataclass(frozen=True)
class WalkingConfig:
    """Parameters of `WalkingDetector`."""

    start_speed_m_s: float = param(
        0.45, "A person faster than this begins to walk", "m/s", 0.05, 5.0
    )
    stop_speed_m_s: float = param(0.25, "A walker slower than this has stopped", "m/s", 0.0, 5.0)
    start_s: float = param(0.3, "How long somebody must be fast to walk", "s", 0.0, 10.0)
    stop_s: float = param(0.4, "How long a walker must be slow to have stopped", "s", 0.0, 10.0)

    def __post_init__(self) -> None:
        validate(self)
        if self.stop_speed_m_s > self.start_speed_m_s:
            raise ValueError(
                f"stop_speed_m_s is {self.stop_speed_m_s}, expected at most start_speed_m_s "
                f"({self.start_speed_m_s})"
            )


class WalkingDetector:
    """Says of each track whether the person walks; standing and sitting people do not."""

    def __init__(self, config: WalkingConfig | None = None) -> None:
        self._config = config or WalkingConfig()
        self.reset()

    def reset(self) -> None:
        """Forget all tracks."""
        self._walks: dict[int, bool] = {}
        self._since_ns: dict[int, int] = {}

    def update(self, tracks: Tracks) -> npt.NDArray[np.bool_]:
        """Return (n,) bool: who walks at this instant; tracks that coast are said not to."""
        config = self._config
        speed = np.linalg.norm(tracks.velocity[:, :2], axis=1)
        known = set(tracks.track_id.tolist())
        for track_id in set(self._walks) - known:
            del self._walks[track_id]
            self._since_ns.pop(track_id, None)
        out = np.zeros(len(tracks), bool)
        for row, track_id in enumerate(tracks.track_id.tolist()):
            walks = self._walks.setdefault(track_id, False)
            fast = speed[row] > (config.stop_speed_m_s if walks else config.start_speed_m_s)
            if fast == walks:
                self._since_ns.pop(track_id, None)
            else:
                since_ns = self._since_ns.setdefault(track_id, tracks.stamp_ns)
                patience_s = config.stop_s if walks else config.start_s
                if (tracks.stamp_ns - since_ns) * 1e-9 >= patience_s:
                    self._walks[track_id] = walks = not walks
                    del self._since_ns[track_id]
            out[row] = walks and tracks.state[row] == TrackState.CONFIRMED
        return out
