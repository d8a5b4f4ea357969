"""Truth in the words of a tracker and of re-identification, so that both compare like with like."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gait_reid.core.types import Candidate, Decision, Match, Modality, Tracks, TrackState
from gait_reid_sim.core.scene.simulation import SensorFrame

MODEL_ID = "truth"
_MODALITIES = {
    "camera": Modality.CAMERA,
    "lidar": Modality.LIDAR,
    "radar": Modality.RADAR,
}


@dataclass
class _Sightings:
    """What all sensors saw of one walk so far."""

    first_ns: int
    last_ns: int
    hits: int = 0
    shares: dict[str, tuple[Modality, float]] = field(default_factory=dict)

    @property
    def modality(self) -> Modality:
        flags = Modality.NONE
        for flag, share in self.shares.values():
            flags |= flag if share > 0.0 else Modality.NONE
        return flags


class TruthKeeper:
    """Follows what the sensors see of each walk.

    Args:
        frame_id: Fixed frame of the site.
        walks: Number of walks in the scenario; a scene that is played again has new tracks.
    """

    def __init__(self, frame_id: str, walks: int) -> None:
        self._frame_id, self._walks = frame_id, walks
        self._seen: dict[int, _Sightings] = {}

    def update(
        self, frame: SensorFrame, stamp_ns: int, turn: int = 0
    ) -> tuple[Tracks, list[Match]]:
        """Return everybody who is present at the time of a frame.

        ``score`` of a track is the largest share of the person that a sensor's newest frame shows;
        ``modality`` names the sensors whose newest frame shows anything; a box in the picture is
        given with the camera's own frames only. Nobody sees a LOST track.

        Args:
            frame: Frame of any sensor; frames come in the order of time.
            stamp_ns: Stamp of its message.
            turn: How often the scene was played before.
        """
        truth = frame.truth
        ids = truth.track_id + turn * self._walks
        for row, track in enumerate(ids.tolist()):
            self._note(track, frame, stamp_ns, float(truth.visibility[row]))
        seen = [self._seen[track] for track in ids.tolist()]
        n = len(ids)
        modality = np.array([int(one.modality) for one in seen], np.uint8)
        state = np.where(modality > 0, int(TrackState.CONFIRMED), int(TrackState.LOST))
        score = [max(share for _, share in one.shares.values()) for one in seen]
        tracks = Tracks(
            stamp_ns, self._frame_id, ids, truth.position, truth.velocity,
            np.zeros((n, 4, 4)), np.full((n, 3), np.nan), truth.roi, state.astype(np.uint8),
            modality, np.full(n, -1, np.int32),
            np.array([one.first_ns for one in seen], np.int64),
            np.array([one.last_ns for one in seen], np.int64),
            np.array([one.hits for one in seen], np.int32), np.array(score, np.float64),
        )  # fmt: skip
        people = zip(ids.tolist(), truth.person_id, seen)
        return tracks, [_match(track, person, one, stamp_ns) for track, person, one in people]

    def _note(self, track: int, frame: SensorFrame, stamp_ns: int, share: float) -> None:
        one = self._seen.setdefault(track, _Sightings(stamp_ns, stamp_ns))
        one.shares[frame.sensor] = (_MODALITIES[frame.type], share)
        if share > 0.0:
            one.first_ns = stamp_ns if not one.hits else one.first_ns
            one.last_ns, one.hits = stamp_ns, one.hits + 1


def _match(track: int, person_id: str, seen: _Sightings, stamp_ns: int) -> Match:
    return Match(
        track_id=track,
        stamp_ns=stamp_ns,
        decision=Decision.CONFIRMED,
        candidates=(Candidate(person_id, "", 0.0, 1.0),),
        margin=float("inf"),
        window_start_ns=seen.first_ns,
        window_end_ns=stamp_ns,
        num_frames=seen.hits,
        modality=seen.modality,
        gallery_version=0,
        model_id=MODEL_ID,
    )
