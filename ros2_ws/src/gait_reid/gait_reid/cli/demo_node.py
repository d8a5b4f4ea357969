"""The demonstration with a recording: whoever walked longest in its first half is enrolled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gait_reid.cli.console import ERR
from gait_reid.cli.listening import Enrolment, SiteListener, Walk
from gait_reid.cli.video import StampedVideo
from gait_reid.cli.watching import Watch
from gait_reid.core.types import Match, Tracks

if TYPE_CHECKING:
    from rclpy.node import Node

PERSON = "walker"


class DemoNode(SiteListener):
    """Listens to the results of a site, and enrols the walker when its time has come.

    Attributes:
        watch: What was seen.
    """

    def __init__(self, node: Node, watch: Watch, video: StampedVideo) -> None:
        super().__init__(node, video)
        self.watch = watch
        self._refused = False

    def see_tracks(self, tracks: Tracks) -> None:
        """Take the tracks of an instant."""
        self.watch.see_tracks(tracks)

    def see_match(self, match: Match) -> None:
        """Take an answer."""
        self.watch.see_match(match)

    def see_walk(self, walk: Walk) -> None:
        """Take note of the newest embedding of a track."""
        self.watch.see_walk(walk)

    def due(self) -> Enrolment | None:
        """Return the walk to enrol, once its time has come."""
        walk = self.watch.walk_to_enroll()
        return None if walk is None else Enrolment(walk, PERSON, PERSON)

    def enrolled(self, enrolment: Enrolment, person_id: str) -> None:
        """Take note of the enrolment."""
        self.watch.note_enrolled(enrolment.walk.track_id, person_id)

    def refused(self, enrolment: Enrolment, message: str) -> None:
        """Say once why nobody is enrolled yet; it is tried again."""
        if not self._refused:
            self._refused = True
            ERR.print(f"not enrolled yet: {message}", markup=False)
