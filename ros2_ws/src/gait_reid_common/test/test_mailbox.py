from __future__ import annotations

import threading

import pytest

from gait_reid_common.mailbox import Mailbox


def test_newest_wins_and_overwriting_is_told() -> None:
    mailbox: Mailbox[int] = Mailbox()
    assert mailbox.put(1) is False
    assert mailbox.put(2) is True
    assert mailbox.take(0.0) == 2
    assert mailbox.take(0.0) is None
    assert mailbox.exchange(3) == ()
    assert mailbox.exchange(4) == (3,)
    assert mailbox.close() == (4,)


def test_close_wakes_the_waiting_worker_and_tells_what_is_lost() -> None:
    mailbox: Mailbox[int] = Mailbox()
    taken: list[int | None] = []
    worker = threading.Thread(target=lambda: taken.append(mailbox.take()))
    worker.start()
    assert mailbox.close() == ()
    worker.join(5.0)
    assert taken == [None]
    with pytest.raises(RuntimeError, match="closed"):
        mailbox.put(1)


def test_slow_worker_sees_items_in_order_and_every_item_is_accounted_for() -> None:
    mailbox: Mailbox[int] = Mailbox()
    taken: list[int] = []

    def work() -> None:
        while not mailbox.closed:
            item = mailbox.take(0.05)
            if item is not None:
                taken.append(item)

    worker = threading.Thread(target=work)
    worker.start()
    overwritten = sum(mailbox.put(number) for number in range(20_000))
    discarded = mailbox.close()
    worker.join(5.0)
    assert taken == sorted(taken)
    assert len(taken) + overwritten + len(discarded) == 20_000
