"""The demonstration with a simulated scene: joins what the site says with the truth."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gait_reid.cli.listening import Enrolment, SiteListener, Walk
from gait_reid.cli.video import StampedVideo
from gait_reid.core.types import Decision, Match, Tracks, UInt8
from gait_reid_sim.cli.captions import draw_caption
from gait_reid_sim.core.scoring.enrolling import Enrolling, Window
from gait_reid_sim.core.scoring.score import Score
from gait_reid_sim.core.scoring.sightings import Sightings
from gait_reid_sim.core.scoring.visits import Visit

if TYPE_CHECKING:
    from rclpy.node import Node

_REMEMBERED = 400
_WAY = ("simulator", "tracker", "reid")
PLAYED_TO_THE_END = "played to the end"


@dataclass(frozen=True)
class Shown:
    """The newest answer about a track.

    Attributes:
        match: The answer.
        latency_ms: Time from the frame's publication to the answer's arrival here.
    """

    match: Match
    latency_ms: float


class SceneNode(SiteListener):
    """Scores the answers of a site, and enrols people on their first walk.

    The truth is used for two things: the names of people who are enrolled, and the score.

    Args:
        node: Node of the demonstration.
        video: Takes the pictures of the overlay.
        visits: All walks of the scene.
        say: Takes what happens, one line each.

    Attributes:
        score: Truth, tracks and answers.
        sightings: Which sensors have seen which walk.
        on_truth: Called with the truth of each instant, after `score`.
        tracks: Newest tracks, or None.
        shown: Newest answer by track id.
        latencies_ms: Latency of every answer, by the wall clock.
        instants: Number of instants that the tracker published.
        begin_ns: Stamp of the first truth, 0 before.
        simulator_status: Message of the simulator's newest report.
        reports: Newest values of every report on /diagnostics, by name.
    """

    def __init__(
        self,
        node: Node,
        video: StampedVideo,
        visits: tuple[Visit, ...],
        say: Callable[[str], None],
    ) -> None:
        super().__init__(node, video)
        self.score = Score(visits)
        self.sightings = Sightings()
        self.on_truth: list[Callable[[Tracks], None]] = []
        self.tracks: Tracks | None = None
        self.shown: dict[int, Shown] = {}
        self.latencies_ms: list[float] = []
        self.instants = 0
        self.simulator_status = ""
        self.reports: dict[str, dict[str, str]] = {}
        self._enrolling = Enrolling(self.score)
        self._visits = {visit.person_id: visit for visit in visits if visit.enrols}
        self._say = say
        self._names: dict[int, str] = {}
        self._heard_s: dict[int, float] = {}
        self.begin_ns = 0
        self._end_ns = 0
        self._begun_s = 0.0
        self._last_s = 0.0

    def listen_to_simulator(self) -> None:
        """Subscribe to the truth and to reports; the simulator begins when it is wanted."""
        from diagnostic_msgs.msg import DiagnosticArray

        from gait_reid_sim.nodes.topics import TRUTH_TRACKS

        self.subscribe(TRUTH_TRACKS, self._on_truth, TRUTH_TRACKS.requested)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_reports, 50)

    @property
    def scene_s(self) -> float:
        """Time of the scene, 0 before it begins."""
        newest_ns = self.tracks.stamp_ns if self.tracks is not None else self.begin_ns
        return 1e-9 * (newest_ns - self.begin_ns)

    @property
    def pace(self) -> float:
        """Scene seconds per second so far, 0 before the scene begins."""
        elapsed_s = self._last_s - self._begun_s
        return 1e-9 * (self._end_ns - self.begin_ns) / elapsed_s if elapsed_s else 0.0

    @property
    def ended(self) -> bool:
        """Whether the simulator has played the scene to its end."""
        return self.simulator_status == PLAYED_TO_THE_END

    def scans(self, sensor: str) -> int:
        """Return how many frames of a sensor the simulator has published."""
        counts = (values.get(f"{sensor} published") for values in self._reports_of("simulator"))
        return sum(int(count) for count in counts if count)

    def drops(self, way: Sequence[str] = _WAY) -> dict[str, int]:
        """Return how many messages these nodes have lost, by place and reason."""
        found: dict[str, int] = {}
        for name, values in sorted(self.reports.items()):
            node, _, topic = name.partition(": ")
            for key, value in values.items():
                before, dropped, reason = key.partition("dropped ")
                if dropped and node in way:
                    where = before.strip() if node == "simulator" else topic
                    what = f"{node} {where} {reason}"
                    found[what] = found.get(what, 0) + int(value)
        return found

    def latency_ms(self, stamp_ns: int) -> float:
        """Return the time since the truth of an instant was heard, NaN where it was not."""
        heard_s = self._heard_s.get(stamp_ns)
        return float("nan") if heard_s is None else 1e3 * (time.monotonic() - heard_s)

    def _reports_of(self, node: str) -> list[dict[str, str]]:
        return [values for name, values in self.reports.items() if name.startswith(f"{node}: ")]

    # What is heard

    def see_tracks(self, tracks: Tracks) -> None:
        """Take the tracks of an instant."""
        self.tracks = tracks
        self.instants += 1
        self.score.see_tracks(tracks)

    def see_match(self, match: Match) -> None:
        """Take an answer and its latency."""
        latency_ms = self.latency_ms(match.stamp_ns)
        if not math.isnan(latency_ms):
            self.latencies_ms.append(latency_ms)
        self.shown[match.track_id] = Shown(match, latency_ms)
        self.score.see_match(match)
        self._tell_names(match)

    def see_walk(self, walk: Walk) -> None:
        """Take note of the newest embedding of a track."""
        self._enrolling.see_window(Window(walk.track_id, walk.start_ns, walk.end_ns))

    def due(self) -> Enrolment | None:
        """Return the first walk that can be enrolled now."""
        found = self._enrolling.due()
        if found is None:
            return None
        window, visit = found
        walk = Walk(window.track_id, 0, window.start_ns, window.end_ns)
        return Enrolment(walk, visit.person_id, visit.name)

    def enrolled(self, enrolment: Enrolment, person_id: str) -> None:
        """Take note of the enrolment."""
        walk = enrolment.walk
        new = person_id not in self.score.known
        self._enrolling.note_enrolled(
            Window(walk.track_id, walk.start_ns, walk.end_ns), self._visits[enrolment.person_id]
        )
        if new:
            self._tell(f"{enrolment.display_name} is enrolled from track {walk.track_id}")

    def refused(self, enrolment: Enrolment, message: str) -> None:
        """Say why somebody is not enrolled; a later window is tried."""
        walk = enrolment.walk
        self._enrolling.note_refused(Window(walk.track_id, walk.start_ns, walk.end_ns))
        self._tell(f"{enrolment.display_name} is not enrolled: {message}")

    def decorate(self, stamp_ns: int, picture: UInt8) -> UInt8:
        """Write the time and who is enrolled below the picture."""
        names = ", ".join(self._visits[person].name for person in self.score.known) or "nobody"
        seconds = 1e-9 * (stamp_ns - self.begin_ns)
        return draw_caption(picture, f"{seconds:4.1f} s   enrolled: {names}")

    def _on_truth(self, message: Any) -> None:
        from gait_reid.adapters import tracks

        truth = tracks.from_message(message)
        self._last_s = time.monotonic()
        if not self.begin_ns:
            self.begin_ns, self._begun_s = truth.stamp_ns, self._last_s
        self._end_ns = truth.stamp_ns
        self._heard_s[truth.stamp_ns] = self._last_s
        while len(self._heard_s) > _REMEMBERED:
            del self._heard_s[next(iter(self._heard_s))]
        self.sightings.add(truth)
        self.score.see_truth(truth)
        for take in self.on_truth:
            take(truth)

    def _on_reports(self, message: Any) -> None:
        for status in message.status:
            node, _, what = status.name.partition(": ")
            self.reports[status.name] = {pair.key: pair.value for pair in status.values}
            if node == "simulator" and what != "lifecycle":
                self.simulator_status = status.message

    def _tell_names(self, match: Match) -> None:
        """Say when a track is given a name, and when the name changes or is withdrawn."""
        named = match.best is not None and match.decision is Decision.CONFIRMED
        name = match.best.display_name if named and match.best else ""
        if name == self._names.get(match.track_id, ""):
            return
        self._names[match.track_id] = name
        visit = self.score.visit_of(match.track_id)
        truth = "nobody" if visit is None else visit.label
        said = f"recognised as {name}" if name else "no longer recognised"
        self._tell(f"track {match.track_id} is {said} (truth: {truth})")

    def _tell(self, text: str) -> None:
        self._say(f"{self.scene_s:5.1f} s  {text}")
