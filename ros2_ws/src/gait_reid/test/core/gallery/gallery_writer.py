"""Enrols walks until it is killed, and says which ones were acknowledged.

Usage: python gallery_writer.py DATABASE KEY_FILE FIRST COUNT
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from gait_reid.core.gallery.crypto import KeyFile
from gait_reid.core.gallery.store import StoreConfig, open_store
from gait_reid.core.types import Embedding, GalleryRecord, Modality


def main(database: str, key_file: str, first: int, count: int) -> None:
    values = np.full((16, 64), 0.125, np.float32)
    embedding = Embedding(values, "model-a", Modality.LIDAR)
    config = StoreConfig(busy_timeout_s=30.0)
    with open_store(database, KeyFile(Path(key_file)), config) as store:
        for number in range(first, first + count):
            person_id = f"p{number % 7}"
            record = GalleryRecord(f"r{number}", person_id, "Ada", embedding, number, consent=True)
            print(record.record_id, store.add(record), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
