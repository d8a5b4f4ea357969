from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gait_reid.core.gallery.errors import GalleryError, GalleryKeyError
from gait_reid.core.gallery.live import ForeignModelError, LiveEmbeddings, NoLiveTrackError
from gait_reid.core.gallery.location import data_folder, exchange_path, open_gallery, passphrase
from gait_reid.core.types import Embedding, Modality


def embedding(value: float) -> Embedding:
    return Embedding(np.full((1, 2), value, np.float32), "model:a", Modality.CAMERA)


class Kept:
    """Live embeddings with a clock in the test's hand."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.live = LiveEmbeddings(10.0, lambda: self.now_s)

    def update(self, sequence: str, **tracks: float) -> None:
        values = {int(name[1:]): [embedding(value)] for name, value in tracks.items()}
        self.live.update(f"/{sequence}/embeddings", sequence, ["model:a"], values)


def test_newest_sequence_is_meant_unless_one_is_named() -> None:
    kept = Kept()
    kept.update("hall", t1=1.0)
    kept.update("door", t1=2.0)
    assert kept.live.get(1)[0].values[0, 0] == 2.0
    assert kept.live.get(1, "hall")[0].values[0, 0] == 1.0
    kept.update("hall", t1=3.0)
    assert kept.live.get(1)[0].values[0, 0] == 3.0


def test_old_walks_are_dropped_and_the_message_names_the_living() -> None:
    kept = Kept()
    kept.update("hall", t1=1.0, t2=1.0)
    kept.now_s = 8.0
    kept.update("hall", t2=1.0)
    kept.now_s = 12.0
    with pytest.raises(NoLiveTrackError, match=r"track 1 .* last 10 s, tracks with one are \[2\]"):
        kept.live.get(1)
    kept.live.clear()
    with pytest.raises(NoLiveTrackError, match="no track has one"):
        kept.live.get(2)


def test_models_must_be_announced_and_equal() -> None:
    kept = Kept()
    with pytest.raises(ForeignModelError, match="announced"):
        kept.live.check(embedding(1.0))
    kept.update("hall")
    kept.live.check(embedding(1.0))
    with pytest.raises(ForeignModelError, match="'model:b', running is model:a"):
        kept.live.check(replace(embedding(1.0), model_id="model:b"))


def test_walks_before_a_radar_are_never_enrolled() -> None:
    kept = Kept()
    kept.update("hall")
    with pytest.raises(ForeignModelError, match="before a radar, .* enrol the person before a cam"):
        kept.live.check(replace(embedding(1.0), modality=Modality.RADAR))


def test_a_track_has_one_walk_of_each_model() -> None:
    kept = Kept()
    walks = [embedding(1.0), replace(embedding(2.0), model_id="model:b")]
    kept.live.update("/hall/embeddings", "hall", ["model:a", "model:b"], {1: walks})
    assert [one.model_id for one in kept.live.get(1)] == ["model:a", "model:b"]


def test_default_gallery_lies_in_the_users_folder(tmp_path: Path) -> None:
    environment = {"XDG_DATA_HOME": str(tmp_path)}
    with open_gallery(environment=environment) as store:
        assert store.version == 0
    folder = data_folder(environment)
    assert folder.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in folder.iterdir() if "-" not in path.name) == [
        "gallery.key",
        "gallery.sqlite",
    ]


@pytest.mark.parametrize("name", ["", ".", "..", "../other.grx", "/etc/passwd", "a/../../b"])
def test_exchange_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(GalleryError, match="allowed: a file below"):
        exchange_path(str(tmp_path), name)


def test_exchange_needs_a_folder_and_a_passphrase(tmp_path: Path) -> None:
    assert exchange_path(str(tmp_path), "a/b.grx") == tmp_path / "a" / "b.grx"
    with pytest.raises(GalleryError, match="export_directory"):
        exchange_path("", "b.grx")
    with pytest.raises(GalleryKeyError, match="GAIT_REID_EXPORT_PASSPHRASE"):
        passphrase({})
