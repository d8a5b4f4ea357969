"""Keeps the enrolled walks of all sites: services in; the latched gallery out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gait_reid.adapters import gallery as gallery_adapter
from gait_reid.adapters import persons as persons_adapter
from gait_reid.core.gallery.errors import GalleryBusyError, GalleryError, ScrubPendingError
from gait_reid.core.gallery.insert import StoreConfig
from gait_reid.core.gallery.live import LiveEmbeddings
from gait_reid.core.gallery.location import exchange_path, open_gallery, passphrase
from gait_reid.core.gallery.records import make_records
from gait_reid.core.gallery.store import GalleryStore
from gait_reid.core.types import Embedding
from gait_reid.nodes import topics
from gait_reid_common.diagnostics import Level, Status
from gait_reid_common.inputs import Input, Received
from gait_reid_common.lifecycle import ManagedNode, NotReadyError, run_node
from gait_reid_common.parameters import param, validate
from gait_reid_msgs.msg import TrackEmbeddingArray
from gait_reid_msgs.srv import (
    Enroll,
    ExportGallery,
    Forget,
    ImportGallery,
    ListPersons,
    Merge,
)


@dataclass(frozen=True)
class GalleryParameters:
    """Parameters of the gallery node."""

    database: str = param(
        "", "SQLite file or database URL; empty: a file in the user's data folder"
    )
    key_file: str = param(
        "", "Master key; empty: GAIT_REID_GALLERY_KEY, else a file in the user's data folder"
    )
    export_directory: str = param(
        "", "Folder for exported files; empty: export and import are refused"
    )
    sites: tuple[str, ...] = param(
        (), "Namespaces of further sites whose tracks can be enrolled, for example /hall"
    )
    live_max_age_s: float = param(
        10.0, "How long a walk can be enrolled after the person was seen", "s", 0.1, 600.0
    )
    refresh_s: float = param(
        2.0, "Time between looks for expired records and changes by others", "s", 0.1, 3600.0
    )
    store: StoreConfig = field(default_factory=StoreConfig)

    def __post_init__(self) -> None:
        validate(self)


class GalleryNode(ManagedNode[GalleryParameters]):
    """Enrols, forgets and merges persons, and publishes the gallery at every change."""

    node_name = "gallery"
    parameter_type = GalleryParameters
    publishes = (topics.GALLERY,)
    subscribes = (topics.EMBEDDINGS,)
    serves = (
        topics.ENROLL,
        topics.FORGET,
        topics.MERGE,
        topics.LIST_PERSONS,
        topics.EXPORT_GALLERY,
        topics.IMPORT_GALLERY,
    )

    _store: GalleryStore | None = None

    def do_configure(self, parameters: GalleryParameters) -> None:
        """Open the gallery."""
        try:
            self._store = open_gallery(parameters.database, parameters.key_file, parameters.store)
        except GalleryBusyError as error:
            raise NotReadyError(str(error)) from error
        self._published = -1
        self._scrub_pending = ""
        self._live = LiveEmbeddings(parameters.live_max_age_s)
        self._gallery_out = self.publisher(topics.GALLERY)
        own = topics.EMBEDDINGS.name
        for name in (own, *(f"{site.rstrip('/')}/{own}" for site in parameters.sites)):
            self.subscribe(topics.EMBEDDINGS, self._on_embeddings, name=name)
        self.serve(topics.ENROLL, answering(self._enroll))
        self.serve(topics.FORGET, answering(self._forget))
        self.serve(topics.MERGE, answering(self._merge))
        self.serve(topics.LIST_PERSONS, answering(self._list_persons))
        self.serve(topics.EXPORT_GALLERY, answering(self._export))
        self.serve(topics.IMPORT_GALLERY, answering(self._import))
        self.every(parameters.refresh_s, self._refresh)
        self.add_status(self._status)

    def do_activate(self) -> None:
        """Publish the gallery; subscribers of any time get it."""
        self._published = -1
        self._refresh()

    def do_cleanup(self) -> None:
        """Close the gallery."""
        if self._store is not None:
            self._store.close()
            self._store = None

    @property
    def store(self) -> GalleryStore:
        """The open gallery."""
        if self._store is None:
            raise GalleryError("the gallery is not open: configure the node")
        return self._store

    def _on_embeddings(self, source: Input[Any], received: Received[TrackEmbeddingArray]) -> None:
        message = received.message
        embeddings: dict[int, list[Embedding]] = {}
        for item in message.embeddings:
            walk = gallery_adapter.embedding_from_message(item.embedding)
            embeddings.setdefault(item.track_id, []).append(walk)
        self._live.update(source.name, message.sequence_id, message.model_ids, embeddings)
        source.counters.publish()

    # Services

    def _enroll(self, request: Enroll.Request, response: Enroll.Response) -> None:
        records = make_records(
            self._requested_walks(request),
            person_id=request.person_id,
            display_name=request.display_name,
            consent=request.consent,
            retention_s=request.retention_s,
            source=request.origin,
        )
        response.gallery_version = self.store.add_all(records)
        response.person_id = self.store.resolve(records[0].person_id)
        response.record_id = records[0].record_id
        self._publish()

    def _requested_walks(self, request: Enroll.Request) -> tuple[Embedding, ...]:
        if request.source == Enroll.Request.SOURCE_TRACK:
            walks = self._live.get(request.track_id, request.sequence_id)
        elif request.source == Enroll.Request.SOURCE_EMBEDDING:
            walks = (gallery_adapter.embedding_from_message(request.embedding),)
        else:
            raise GalleryError(f"source is {request.source}, allowed: 0 (track), 1 (embedding)")
        for walk in walks:
            self._live.check(walk)
        return walks

    def _forget(self, request: Forget.Request, response: Forget.Response) -> None:
        # What is remembered of live tracks may be this person's walk.
        self._live.clear()
        try:
            response.num_records = self.store.forget(request.person_id)
        except ScrubPendingError as error:
            response.num_records = error.num_records
            self._note_scrub(str(error))
            raise
        finally:
            self._publish()
            response.gallery_version = self.store.version
        if not response.num_records:
            raise GalleryError(f"person '{request.person_id}' is not enrolled; see list_persons")

    def _merge(self, request: Merge.Request, response: Merge.Response) -> None:
        response.gallery_version = self.store.merge(request.person_id, request.merged_person_id)
        self._publish()

    def _list_persons(self, request: ListPersons.Request, response: ListPersons.Response) -> None:
        response.gallery_version = self.store.version
        response.persons = [persons_adapter.to_message(one) for one in self.store.persons()]

    def _export(self, request: ExportGallery.Request, response: ExportGallery.Response) -> None:
        path = exchange_path(self.parameters.export_directory, request.path)
        response.num_records = self.store.export(path, passphrase(), list(request.person_ids))

    def _import(self, request: ImportGallery.Request, response: ImportGallery.Response) -> None:
        path = exchange_path(self.parameters.export_directory, request.path)
        result = self.store.import_(path, passphrase(), self._live.running_models())
        response.num_records, response.num_refused = result.num_records, result.num_refused
        response.gallery_version = result.version
        self._publish()

    # Publishing

    def _publish(self) -> None:
        version, records = self.store.snapshot()
        self._gallery_out.publish(gallery_adapter.to_message(records, version, time.time_ns()))
        self._published = version

    def _refresh(self) -> None:
        self._live.purge()
        try:
            self.store.purge_expired()
        except ScrubPendingError as error:
            self._note_scrub(str(error))
        else:
            self._note_scrub("")
        if self.store.version != self._published:
            self._publish()

    def _note_scrub(self, pending: str) -> None:
        """Say once that files still hold what was deleted; it is tried again at every refresh."""
        if pending and not self._scrub_pending:
            self.get_logger().warning(pending)
        self._scrub_pending = pending

    def _status(self) -> Status:
        values = {"version": str(self._published)}
        if self._scrub_pending:
            return Status("gallery", Level.WARN, self._scrub_pending, values)
        return Status("gallery", Level.OK, "open", values)


def answering(function: Callable[[Any, Any], None]) -> Callable[[Any, Any], Any]:
    """Return a service callback: an error that a user can mend becomes an unsuccessful answer."""

    def answer(request: Any, response: Any) -> Any:
        try:
            function(request, response)
        except (GalleryError, ValueError, OSError) as error:
            response.success, response.message = False, str(error)
        else:
            response.success = True
        return response

    return answer


def main() -> int:
    """Run the node."""
    return run_node(GalleryNode)


if __name__ == "__main__":
    sys.exit(main())
