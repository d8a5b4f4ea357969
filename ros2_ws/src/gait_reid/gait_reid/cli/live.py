"""Requests to the nodes of a running site."""

from __future__ import annotations

from gait_reid.cli.console import CommandError
from gait_reid.cli.ros import ros_node, wait_for

_TIMEOUT_S = 5.0


def enroll_track(
    gallery_node: str,
    track_id: int,
    person_id: str,
    display_name: str,
    consent: bool,
    retention_s: float,
) -> str:
    """Enrol a live track through the gallery node and return the person's id.

    Raises:
        CommandError: The node does not answer or refuses.
    """
    with ros_node("gait_reid_enroll") as node:
        from gait_reid_msgs.srv import Enroll

        service = f"{gallery_node.rstrip('/')}/enroll"
        client = node.create_client(Enroll, service)
        if not client.wait_for_service(_TIMEOUT_S):
            raise CommandError(
                f"service {service} is not there; start the gallery node, or give --node"
            )
        request = Enroll.Request(
            source=Enroll.Request.SOURCE_TRACK,
            track_id=track_id,
            person_id=person_id,
            display_name=display_name,
            consent=consent,
            retention_s=retention_s,
            origin="live",
        )
        answer = wait_for(client.call_async(request), node, _TIMEOUT_S, f"service {service}")
    if not answer.success:
        raise CommandError(f"track {track_id} was not enrolled: {answer.message}")
    return str(answer.person_id)
