"""Says who the tracks are: crops and the gallery in; matches out."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import Any

import cv2

from gait_reid.adapters import crops as crops_adapter
from gait_reid.adapters import gallery as gallery_adapter
from gait_reid.adapters import matches as matches_adapter
from gait_reid.core.reidentification import Reidentification
from gait_reid.core.reidentification_config import ReidentificationConfig
from gait_reid.core.types import GalleryRecord, Match, Reason
from gait_reid.nodes.topics import CROPS, EMBEDDINGS, GALLERY, MATCHES
from gait_reid_common.diagnostics import Level, Status
from gait_reid_common.inputs import DroppedError, Input, Received
from gait_reid_common.lifecycle import ManagedNode, run_node
from gait_reid_common.mailbox import Mailbox
from gait_reid_common.parameters import param, validate
from gait_reid_msgs.msg import Gallery, PersonCropArray, TrackEmbedding, TrackEmbeddingArray

_GALLERY_STATES = {
    Reason.NONE: (Level.OK, "people can be found"),
    Reason.NO_RECORDS: (Level.OK, "nobody is enrolled yet"),
    Reason.OTHER_MODEL: (
        Level.WARN,
        "nobody is enrolled with the model that runs here; enrol people with it",
    ),
}


@dataclass(frozen=True)
class ReidParameters:
    """Parameters of the re-identification node."""

    max_age_s: float = param(
        1.0, "Crops older than this when their turn comes are dropped, 0: never", "s", 0.0, 60.0
    )
    opencv_threads: int = param(
        1, "Threads of OpenCV, whose steps are too short to gain from more", "", 1, 64
    )
    reidentification: ReidentificationConfig = field(default_factory=ReidentificationConfig)

    def __post_init__(self) -> None:
        validate(self)


class ReidNode(ManagedNode[ReidParameters]):
    """Encodes walks, searches the gallery and decides."""

    node_name = "reid"
    parameter_type = ReidParameters
    publishes = (MATCHES, EMBEDDINGS)
    subscribes = (CROPS, GALLERY)

    def do_configure(self, parameters: ReidParameters) -> None:
        """Load the encoder."""
        cv2.setNumThreads(parameters.opencv_threads)
        self.reidentification = Reidentification(parameters.reidentification)
        encoder = self.reidentification.encoder
        self.get_logger().info(f"walks are encoded by {encoder.description}")
        for further in self.reidentification.enrollers:
            self.get_logger().info(f"walks are enrolled with {further.description} as well")
        self.add_status(self._status)
        self.add_status(self._gallery_status)
        # Applied by the worker, which owns the encoder and the decisions.
        self._new_gallery: Mailbox[Received[Gallery]] = Mailbox()
        self._matches_out = self.publisher(MATCHES)
        self._embeddings_out = self.publisher(EMBEDDINGS)
        self._gallery_in = self.subscribe(GALLERY, self._on_gallery)
        self._crops_in = self.process(
            CROPS,
            self._identify,
            max_age_s=parameters.max_age_s,
            wanted=(self._matches_out, self._embeddings_out),
        )

    def do_activate(self) -> None:
        """Announce which models the encoder makes embeddings of."""
        self.reidentification.reset()
        self._embeddings_out.publish(self._announcement())

    def _on_gallery(self, source: Input[Any], received: Received[Gallery]) -> None:
        for _ in self._new_gallery.exchange(received):
            source.counters.drop("overwritten")

    def _identify(self, received: Received[PersonCropArray]) -> None:
        self._take_gallery()
        message = received.message
        try:
            crops = crops_adapter.from_message(message)
        except ValueError as error:
            self.report_error(f"crops are dropped: {error}")
            raise DroppedError("decode_error") from error
        matches = self.reidentification.process(
            received.stamp_ns, crops, list(message.active_track_ids), message.sequence_id
        )
        latency_ms = 1e3 * self._crops_in.age_s(received)
        timed = [replace(match, latency_ms=latency_ms) for match in matches]
        frame_id = message.header.frame_id
        self._matches_out.publish(
            matches_adapter.to_message(timed, received.stamp_ns, frame_id, message.sequence_id)
        )
        if timed and self.wanted(self._embeddings_out):
            self._publish_embeddings(timed, message)

    def _take_gallery(self) -> None:
        received = self._new_gallery.take(0.0)
        if received is None:
            return
        try:
            records = gallery_adapter.from_message(received.message)
            self.reidentification.set_gallery(records, received.message.version)
        except ValueError as error:
            self.report_error(f"gallery {received.message.version} is not used: {error}")
            self._gallery_in.counters.drop("decode_error")
            return
        self._gallery_in.counters.publish()
        self._report_gallery(received.message.version, records)

    def _report_gallery(self, version: int, records: list[GalleryRecord]) -> None:
        models = {record.embedding.model_id for record in records}
        foreign = models - self.reidentification.model_ids
        self.get_logger().info(f"gallery {version} has {len(records)} walks")
        if foreign:
            alone = self.reidentification.nobody is Reason.OTHER_MODEL
            log = self.get_logger().warning if alone else self.get_logger().info
            log(
                f"walks of {', '.join(sorted(foreign))} are not used: running is "
                f"{', '.join(sorted(self.reidentification.model_ids))}; "
                "enrol these persons again, or start with the parameters they were enrolled with"
            )

    def _status(self) -> Status:
        encoder = self.reidentification.encoder
        counts = {reason: str(count) for reason, count in sorted(encoder.counts().items())}
        return Status("encoder", Level.OK, encoder.description, counts)

    def _gallery_status(self) -> Status:
        level, text = _GALLERY_STATES[self.reidentification.nobody]
        return Status("gallery", level, text, self.reidentification.gallery_counts())

    def _announcement(self) -> TrackEmbeddingArray:
        return TrackEmbeddingArray(model_ids=sorted(self.reidentification.model_ids))

    def _publish_embeddings(self, matches: list[Match], crops: PersonCropArray) -> None:
        message = self._announcement()
        message.header, message.sequence_id = crops.header, crops.sequence_id
        for match in matches:
            for walk in self.reidentification.walks(match.track_id):
                item = gallery_adapter.embedding_to_message(walk)
                message.embeddings.append(TrackEmbedding(track_id=match.track_id, embedding=item))
        self._embeddings_out.publish(message)


def main() -> int:
    """Run the node."""
    return run_node(ReidNode)


if __name__ == "__main__":
    sys.exit(main())
