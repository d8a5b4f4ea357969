"""A peer of gallery nodes, for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.node import Node

from gait_reid.adapters import gallery as gallery_adapter
from gait_reid.core.types import Embedding, Modality
from gait_reid.nodes import topics
from gait_reid_common.testing import spin_until
from gait_reid_msgs.msg import Gallery, TrackEmbedding, TrackEmbeddingArray
from gait_reid_msgs.srv import Enroll

MODEL = "energy_image:test"


def embedding_of(number: int, model_id: str = MODEL) -> Embedding:
    values = np.random.default_rng(number).normal(size=(4, 16)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return Embedding(values, model_id, Modality.LIDAR, 0, 10**9, 30)


def announcement(*track_ids: int, sequence_id: str = "s") -> TrackEmbeddingArray:
    message = TrackEmbeddingArray(model_ids=[MODEL], sequence_id=sequence_id)
    message.embeddings = [
        TrackEmbedding(
            track_id=track_id,
            embedding=gallery_adapter.embedding_to_message(embedding_of(track_id)),
        )
        for track_id in track_ids
    ]
    return message


def enroll_embedding(number: int, **changes: Any) -> Enroll.Request:
    request = Enroll.Request(
        source=Enroll.Request.SOURCE_EMBEDDING,
        embedding=gallery_adapter.embedding_to_message(embedding_of(number)),
        display_name=f"person {number}",
        consent=True,
    )
    for name, value in changes.items():
        setattr(request, name, value)
    return request


class Client:
    """Talks to a gallery node, in this process or in another one."""

    def __init__(self, peer: Node, *nodes: Any, name: str = "gallery") -> None:
        self.peer, self.nodes, self.name = peer, nodes, name
        self.galleries: list[Gallery] = []
        self._clients: dict[str, Any] = {}
        peer.create_subscription(
            Gallery, "/gallery", self.galleries.append, topics.GALLERY.requested.profile()
        )
        self.embeddings_out = peer.create_publisher(
            TrackEmbeddingArray, "embeddings", topics.EMBEDDINGS.offered.profile()
        )

    def spin(self, condition: Callable[[], Any], timeout_s: float = 20.0) -> bool:
        return spin_until(condition, timeout_s, self.peer, *self.nodes)

    def announce(self, *track_ids: int) -> None:
        self.embeddings_out.publish(announcement(*track_ids))

    def request(self, service: Any, request: Any) -> Any:
        name = service.name.replace("~", self.name)
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = self.peer.create_client(service.type, name)
        assert self.spin(client.service_is_ready), f"{name} is not there"
        future = client.call_async(request)
        assert self.spin(future.done), f"{name} does not answer"
        return future.result()

    def call(self, service: Any, **fields: Any) -> Any:
        return self.request(service, service.type.Request(**fields))
