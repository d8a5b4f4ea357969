"""Which of Mission's published records are learnt from, watched and tested."""

from __future__ import annotations

import numpy as np

from gait_reid.core.types import Int64
from gait_reid_training.data.index import DatasetError

SPLITS = ("train", "validation", "test")


def split_records(
    labels: Int64,
    split: str,
    test_people: int = 0,
    watched_people: int = 0,
    test_share: float = 0.25,
) -> Int64:
    """Return the records of a split, in their order.

    The paper tests people it learnt from, on a quarter of the records of each (``test_share``), and
    18 people it did not learn from (``test_people``). Which records and people these were is not
    published: here the last ones. Watched people are neither learnt from nor tested. People with
    fewer than two records in a split are left out of it, because a walk is never compared with
    itself.

    Args:
        labels: (R,) person of each record.
        split: ``train``, ``validation`` (the watched people) or ``test``.
        test_people: The last so many people are the test; 0: a share of everybody else's records.
        watched_people: The last so many people before those.
        test_share: Share of each one's records, without test people.

    Raises:
        DatasetError: An unknown split, or one without records.
    """
    if split not in SPLITS:
        raise DatasetError(f"split is {split!r}, allowed: {', '.join(SPLITS)}")
    people = np.unique(labels)
    tested = len(people) - test_people
    watched = tested - watched_people
    if watched < 1:
        raise DatasetError(
            f"{test_people} people to test and {watched_people} to watch leave nobody of the "
            f"{len(people)} people to learn from"
        )
    chosen = {
        "train": people[:watched],
        "validation": people[watched:tested],
        "test": people[tested:] if test_people else people[:watched],
    }[split]
    shared = not test_people and split != "validation"
    rows: list[Int64] = []
    for person in chosen:
        own = np.flatnonzero(labels == person)
        if shared:
            kept = len(own) - round(test_share * len(own))
            own = own[kept:] if split == "test" else own[:kept]
        if len(own) > 1:
            rows.append(own)
    if not rows:
        raise DatasetError(f"nobody has two records in split {split!r}")
    return np.sort(np.concatenate(rows)).astype(np.int64)
