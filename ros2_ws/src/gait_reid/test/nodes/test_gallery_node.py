"""Enrolment, forgetting and everything else that the gallery node is asked for."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gallery_client import MODEL, Client, announcement, embedding_of, enroll_embedding
from rclpy.node import Node

from gait_reid.adapters import gallery as gallery_adapter
from gait_reid.core.gallery.location import open_gallery
from gait_reid.core.types import Modality
from gait_reid.nodes import topics
from gait_reid.nodes.gallery_node import GalleryNode
from gait_reid_common.diagnostics import Level
from gait_reid_common.testing import activate, spin_until
from gait_reid_msgs.msg import Gallery, TrackEmbeddingArray

Make = Callable[..., Any]


@pytest.fixture
def client(make: Make, peer: Node, gallery_files: dict[str, str], tmp_path: Path) -> Client:
    node = make(GalleryNode, **gallery_files, export_directory=str(tmp_path / "exports"))
    (tmp_path / "exports").mkdir()
    activate(node)
    made = Client(peer, node)
    made.announce(3)
    assert made.spin(lambda: node._live._entries)
    return made


def test_live_track_is_enrolled_and_the_gallery_published(client: Client) -> None:
    answer = client.call(topics.ENROLL, track_id=3, display_name="Ada", consent=True)
    assert answer.success, answer.message
    assert client.spin(lambda: client.galleries and client.galleries[-1].records)
    (record,) = gallery_adapter.from_message(client.galleries[-1])
    assert (record.person_id, record.record_id) == (answer.person_id, answer.record_id)
    assert record.display_name == "Ada"
    np.testing.assert_array_equal(record.embedding.values, embedding_of(3).values)
    assert client.galleries[-1].version == answer.gallery_version
    assert client.galleries[-1].model_ids == [MODEL]


def test_a_walk_of_two_models_becomes_two_records_of_one_person(client: Client) -> None:
    message = announcement(5, 5)
    message.model_ids = [MODEL, "mission:test"]
    walk = dataclasses.replace(
        embedding_of(9, "mission:test"), modality=Modality.CAMERA,
        tokens=np.arange(20, dtype=np.float16).reshape(10, 2),
    )  # fmt: skip
    message.embeddings[1].embedding = gallery_adapter.embedding_to_message(walk)
    client.embeddings_out.publish(message)
    assert client.spin(lambda: ("s", 5) in client.nodes[0]._live._entries)
    answer = client.call(topics.ENROLL, track_id=5, display_name="Ada", consent=True)
    assert answer.success, answer.message
    assert client.spin(lambda: client.galleries and len(client.galleries[-1].records) == 2)
    records = gallery_adapter.from_message(client.galleries[-1])
    assert {one.person_id for one in records} == {answer.person_id}
    assert answer.record_id in {one.record_id for one in records}
    by_model = {one.embedding.model_id: one.embedding.tokens for one in records}
    assert by_model[MODEL] is None
    assert walk.tokens is not None
    found = by_model["mission:test"]
    assert found is not None
    assert found.tolist() == walk.tokens.tolist()


@pytest.mark.parametrize(
    ("request_fields", "words"),
    [
        ({"track_id": 4, "consent": True}, ("track 4 has no embedding", "are [3]")),
        ({"track_id": 3, "sequence_id": "other", "consent": True}, ("track 3 has no embedding",)),
        ({"track_id": 3, "consent": False}, ("consent",)),
        ({"track_id": 3, "consent": True, "retention_s": -1.0}, ("retention_s is -1.0",)),
        ({"source": 7, "consent": True}, ("source is 7",)),
        ({"source": 1, "consent": True}, ("has 0 values",)),
    ],
)
def test_refused_enrolment_says_why_and_changes_nothing(
    client: Client, request_fields: dict[str, Any], words: tuple[str, ...]
) -> None:
    answer = client.call(topics.ENROLL, **request_fields)
    assert not answer.success
    assert all(word in answer.message for word in words), answer.message
    assert client.call(topics.LIST_PERSONS).persons == []


def test_record_of_another_model_is_refused(client: Client) -> None:
    embedding = gallery_adapter.embedding_to_message(embedding_of(1, "emgaitnet:1"))
    answer = client.request(topics.ENROLL, enroll_embedding(1, embedding=embedding))
    assert not answer.success
    assert "model 'emgaitnet:1', running is energy_image:test" in answer.message


def test_tracks_of_further_sites_can_be_enrolled(
    make: Make, peer: Node, gallery_files: dict[str, str]
) -> None:
    node = make(GalleryNode, **gallery_files, sites=["/hall"])
    activate(node)
    client = Client(peer, node)
    hall = peer.create_publisher(
        TrackEmbeddingArray, "/hall/embeddings", topics.EMBEDDINGS.offered.profile()
    )
    hall.publish(announcement(8, sequence_id="hall's"))
    assert client.spin(lambda: node._live._entries)
    answer = client.call(topics.ENROLL, track_id=8, sequence_id="hall's", consent=True)
    assert answer.success, answer.message


def test_persons_are_listed_merged_and_forgotten(client: Client) -> None:
    ids = [client.request(topics.ENROLL, enroll_embedding(n)).person_id for n in range(3)]
    listed = client.call(topics.LIST_PERSONS)
    assert [(p.person_id, p.display_name) for p in listed.persons] == [
        (person_id, f"person {number}") for number, person_id in enumerate(ids)
    ]
    merged = client.call(topics.MERGE, person_id=ids[0], merged_person_id=ids[1])
    assert merged.success, merged.message
    persons = client.call(topics.LIST_PERSONS).persons
    assert [(p.person_id, p.num_records, p.aliases) for p in persons] == [
        (ids[0], 2, [ids[1]]),
        (ids[2], 1, []),
    ]
    forgotten = client.call(topics.FORGET, person_id=ids[1])
    assert (forgotten.success, forgotten.num_records) == (True, 2), forgotten.message
    assert client.spin(lambda: len(client.galleries[-1].records) == 1)
    again = client.call(topics.FORGET, person_id=ids[1])
    assert not again.success
    assert "is not enrolled" in again.message
    refused = client.call(topics.MERGE, person_id=ids[2], merged_person_id="nobody")
    assert not refused.success
    assert "nobody" in refused.message


def test_export_and_import(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    person_id = client.request(topics.ENROLL, enroll_embedding(1)).person_id
    refused = client.call(topics.EXPORT_GALLERY, path="people.grx")
    assert "set GAIT_REID_EXPORT_PASSPHRASE" in refused.message
    monkeypatch.setenv("GAIT_REID_EXPORT_PASSPHRASE", "a long enough passphrase")
    outside = client.call(topics.EXPORT_GALLERY, path="../people.grx")
    assert not outside.success
    assert "allowed: a file below" in outside.message
    exported = client.call(topics.EXPORT_GALLERY, path="people.grx")
    assert (exported.success, exported.num_records) == (True, 1), exported.message
    assert client.call(topics.FORGET, person_id=person_id).success
    imported = client.call(topics.IMPORT_GALLERY, path="people.grx")
    assert (imported.success, imported.num_records) == (True, 1), imported.message
    again = client.call(topics.IMPORT_GALLERY, path="people.grx")
    assert (again.num_records, again.num_refused) == (0, 1)
    missing = client.call(topics.IMPORT_GALLERY, path="nothing.grx")
    assert not missing.success
    assert "nothing.grx" in missing.message


def test_files_that_are_still_in_use_are_a_warning_until_they_are_clean(
    make: Make, peer: Node, gallery_files: dict[str, str]
) -> None:
    node = make(GalleryNode, **gallery_files, store__busy_timeout_s=0.05, refresh_s=0.1)
    activate(node)
    client = Client(peer, node)
    client.announce(3)
    assert client.spin(lambda: node._live._entries)
    person_id = client.request(topics.ENROLL, enroll_embedding(1)).person_id
    reader = sqlite3.connect(gallery_files["database"])
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM gallery_record").fetchone()
    answer = client.call(topics.FORGET, person_id=person_id)
    assert (answer.success, answer.num_records) == (False, 1)
    assert "still in use" in answer.message
    assert client.spin(lambda: not client.galleries[-1].records)
    assert node._status().level == Level.WARN
    errors: list[str] = []
    node.report_error = errors.append
    heard: list[int] = []
    node.create_timer(0.15, lambda: heard.append(1))
    assert client.spin(lambda: len(heard) > 2)
    assert node._status().level == Level.WARN
    reader.close()
    assert client.spin(lambda: node._status().level == Level.OK)
    assert not errors


def test_changes_of_another_process_are_published(
    client: Client, gallery_files: dict[str, str]
) -> None:
    person_id = client.request(topics.ENROLL, enroll_embedding(1)).person_id
    with open_gallery(gallery_files["database"], gallery_files["key_file"]) as store:
        store.forget(person_id)
        version = store.version
    assert client.spin(lambda: client.galleries and client.galleries[-1].version == version)
    assert not client.galleries[-1].records


def test_late_subscriber_gets_the_gallery(client: Client, context: Any) -> None:
    client.request(topics.ENROLL, enroll_embedding(1))
    late = Node("late", context=context)
    heard: list[Gallery] = []
    late.create_subscription(Gallery, "/gallery", heard.append, topics.GALLERY.requested.profile())
    assert spin_until(lambda: heard, 10.0, late, *client.nodes)
    assert len(heard[0].records) == 1
    late.destroy_node()
