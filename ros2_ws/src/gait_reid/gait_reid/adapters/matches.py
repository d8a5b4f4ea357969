"""gait_reid_msgs/IdentityMatchArray <-> Match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gait_reid.core.types import Candidate, Decision, Match, Modality, Reason
from gait_reid_common.stamps import to_ns, to_stamp

if TYPE_CHECKING:
    from gait_reid_msgs.msg import IdentityMatch, IdentityMatchArray


def to_message(
    matches: Sequence[Match], stamp_ns: int, frame_id: str, sequence_id: str
) -> IdentityMatchArray:
    """Return the message of one instant."""
    from gait_reid_msgs.msg import IdentityMatchArray

    message = IdentityMatchArray(sequence_id=sequence_id)
    message.header.stamp = to_stamp(stamp_ns)
    message.header.frame_id = frame_id
    message.matches = [_match(match) for match in matches]
    return message


def _match(match: Match) -> IdentityMatch:
    from gait_reid_msgs.msg import IdentityCandidate, IdentityMatch

    return IdentityMatch(
        track_id=match.track_id,
        decision=int(match.decision),
        reason=int(match.reason),
        candidates=[
            IdentityCandidate(
                person_id=candidate.person_id,
                display_name=candidate.display_name,
                distance=float(candidate.distance),
                probability=float(candidate.probability),
            )
            for candidate in match.candidates
        ],
        margin=float(match.margin),
        stamp=to_stamp(match.stamp_ns),
        window_start=to_stamp(match.window_start_ns),
        window_end=to_stamp(match.window_end_ns),
        num_frames=match.num_frames,
        modality=int(match.modality),
        gallery_version=match.gallery_version,
        model_id=match.model_id,
        latency_ms=float(match.latency_ms),
    )


def from_message(message: IdentityMatchArray) -> list[Match]:
    """Return the matches."""
    return [
        Match(
            track_id=int(item.track_id),
            stamp_ns=to_ns(item.stamp),
            decision=Decision(item.decision),
            candidates=tuple(
                Candidate(c.person_id, c.display_name, float(c.distance), float(c.probability))
                for c in item.candidates
            ),
            margin=float(item.margin),
            window_start_ns=to_ns(item.window_start),
            window_end_ns=to_ns(item.window_end),
            num_frames=int(item.num_frames),
            modality=Modality(item.modality),
            gallery_version=int(item.gallery_version),
            model_id=item.model_id,
            latency_ms=float(item.latency_ms),
            reason=Reason(item.reason),
        )
        for item in message.matches
    ]
