"""Search inside PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from gait_reid.core.gallery.crypto import GivenKey, KeyFile, new_key
from gait_reid.core.gallery.errors import GalleryError
from gait_reid.core.gallery.search import GallerySearch
from gait_reid.core.gallery.store import GalleryStore, StoreConfig, open_store
from gait_reid.core.gallery.templates import rotation
from gait_reid.core.types import Candidate, GalleryRecord

Walk = Callable[..., GalleryRecord]
KEY = bytes(range(32))


def stored_templates(store: GalleryStore) -> dict[str, np.ndarray]:
    with store._reading() as connection:
        rows = connection.execute(
            sa.text("SELECT record_id, CAST(template AS real[]) AS numbers FROM gallery_template")
        )
        return {row.record_id: np.array(row.numbers, np.float32) for row in rows}


def flat(candidates: tuple[Candidate, ...]) -> list[tuple[str, str, float]]:
    return [(one.person_id, one.display_name, round(one.distance, 5)) for one in candidates]


@pytest.mark.parametrize("protection", ["rotated", "plain"])
def test_the_database_finds_whom_memory_finds(
    postgresql_url: str, walk: Walk, protection: str
) -> None:
    config = StoreConfig(protection=protection)
    with open_store(postgresql_url, KEY, config) as store:
        store.add_all(
            [
                walk(number, f"p{number % 12}", display_name=f"N{number % 12}")
                for number in range(40)
            ]
            + [walk(90, "p1", model_id="model-b", shape=(1, 4))]
        )
        store.merge("p1", "p2")
        store.merge("p3", "p1")
        memory = GallerySearch(store.records())
        queries = [walk(500 + number).embedding for number in range(5)]
        for query, wanted in zip(queries, memory.query(queries, 4)):
            assert flat(store.nearest(query, 4)) == flat(wanted)
            assert flat(store.nearest(query, 4, shortlist=40)) == flat(wanted)
        assert store.nearest(walk(1, model_id="model-c").embedding, 4) == ()
        store.build_index("model-a")
        shortlisted = store.nearest(walk(7).embedding, 1, shortlist=5)
        assert flat(shortlisted) == [("p7", "N7", 0.0)]
        assert store.forget("p7") == 3
        assert "p7" not in {one.person_id for one in store.nearest(walk(7).embedding, 20)}
        assert len(stored_templates(store)) == 41 - 3


def test_a_rotated_template_is_not_the_walk_and_changes_with_the_key(
    postgresql_url: str, walk: Walk, tmp_path: Path
) -> None:
    source, records = KeyFile(tmp_path / "key"), [walk(number, f"p{number}") for number in range(9)]
    with open_store(postgresql_url, source, StoreConfig(protection="rotated")) as store:
        store.add_all(records)
        first = stored_templates(store)
        store.rotate_key()
        second = stored_templates(store)
        for one in records:
            values = one.embedding.values.ravel()
            assert abs(np.corrcoef(values, first[one.record_id])[0, 1]) < 0.9
            assert not np.allclose(first[one.record_id], second[one.record_id], atol=0.05)
        query = walk(3).embedding
        (best,) = store.nearest(query, 1)
        assert (best.person_id, best.distance) == ("p3", pytest.approx(0.0, abs=1e-6))


def test_encrypted_templates_are_not_searchable_in_the_database(
    postgresql_url: str, walk: Walk
) -> None:
    with open_store(postgresql_url, KEY) as store:
        store.add(walk(1))
        with pytest.raises(GalleryError, match="holds no searchable templates"):
            store.nearest(walk(1).embedding, 1)
        with store._reading() as connection:
            assert "gallery_template" not in sa.inspect(connection).get_table_names()


def test_what_pgvector_cannot_index_is_refused(postgresql_url: str, walk: Walk) -> None:
    with open_store(postgresql_url, None, StoreConfig(protection="plain")) as store:
        store.add(walk(1, shape=(32, 64)))
        with pytest.raises(GalleryError, match="have 2048 numbers, pgvector indexes 1 to 2000"):
            store.build_index("model-a")
        with pytest.raises(GalleryError, match="model other .* have 0 numbers"):
            store.build_index("other")


def test_rotation_is_for_postgresql(tmp_path: Path) -> None:
    config = StoreConfig(protection="rotated")
    with pytest.raises(GalleryError, match="cannot have protection 'rotated'"):
        open_store(str(tmp_path / "g.sqlite"), GivenKey(KEY), config)


def test_rotations_are_orthogonal_reproducible_and_their_own() -> None:
    matrices = rotation(KEY, "m", 3, 16)
    for one in matrices:
        np.testing.assert_allclose(one @ one.T, np.eye(16), atol=1e-6)
    rotation.cache_clear()
    np.testing.assert_array_equal(rotation(KEY, "m", 3, 16), matrices)
    assert rotation(KEY, "m", 3, 16)[0, 0, :2] == pytest.approx(matrices[0, 0, :2])
    for other in (rotation(new_key(), "m", 3, 16), rotation(KEY, "n", 3, 16), matrices[[1, 2, 0]]):
        assert np.abs(other - matrices).max() > 0.1
