"""A gallery node that is killed loses nothing that it has acknowledged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gallery_client import Client, enroll_embedding
from rclpy.node import Node

from gait_reid.core.gallery.location import open_gallery
from gait_reid_msgs.srv import Enroll


@pytest.fixture
def start_process(
    gallery_files: dict[str, str], context: Any
) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Yield a function that starts a gallery node as a process of the test's domain."""
    processes: list[subprocess.Popen[bytes]] = []
    environment = {**os.environ, "ROS_DOMAIN_ID": str(context.get_domain_id())}
    parameters = [word for item in gallery_files.items() for word in ("-p", "{}:={}".format(*item))]

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "gait_reid.nodes.gallery_node", "--ros-args", *parameters]
        processes.append(subprocess.Popen(command, env=environment))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_killed_while_enrolling_loses_no_acknowledged_record_and_rejoins(
    start_process: Callable[[], subprocess.Popen[bytes]],
    peer: Node,
    gallery_files: dict[str, str],
) -> None:
    first = start_process()
    client = Client(peer)
    client.announce()
    enroll = peer.create_client(Enroll, "gallery/enroll")
    assert client.spin(lambda: client.galleries and enroll.service_is_ready(), 30.0)
    futures: list[Any] = []

    def keep_five_on_their_way() -> bool:
        # A service keeps ten requests; with five of them the kill hits at any moment.
        if sum(not future.done() for future in futures) < 5:
            futures.append(enroll.call_async(enroll_embedding(len(futures))))
        return len(acknowledged()) >= 60

    def acknowledged() -> set[str]:
        answers = [future.result() for future in futures if future.done()]
        return {answer.record_id for answer in answers if answer.success}

    assert client.spin(keep_five_on_their_way)
    first.send_signal(signal.SIGKILL)
    first.wait(10.0)
    with open_gallery(gallery_files["database"], gallery_files["key_file"]) as store:
        stored = {record.record_id for record in store.records()}
    assert acknowledged() <= stored
    assert len(futures) > len(acknowledged()) >= 60
    retries: list[Any] = []

    def again() -> None:
        # What is sent while the dead node is still believed alive is lost: ask once per answer or
        # second, as a client would.
        if not retries or time.monotonic() - retries[-1] > 1.0:
            retries.append(time.monotonic())
            enroll.call_async(enroll_embedding(2000))

    client.galleries.clear()
    start_process()
    assert client.spin(lambda: client.galleries, 30.0)
    assert {record.record_id for record in client.galleries[-1].records} == stored
    assert client.spin(lambda: len(client.galleries[-1].records) > len(stored) or again(), 30.0)
