"""One end of the picture transport: ``python -m bench.transport publish|subscribe``.

Run as processes of their own, because what is measured is the way between processes.
"""

from __future__ import annotations

import argparse
import json
import select
import sys
import time
from array import array
from collections.abc import Sequence

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

WIDTH, HEIGHT = 1280, 720
TOPIC = "camera/image_raw"
_WARM_UP = "warm-up"


def quality(reliable: bool, depth: int) -> QoSProfile:
    """Return the profile of one end."""
    policy = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
    return QoSProfile(depth=depth, reliability=policy)


def publish(node: Node, qos: QoSProfile, count: int, rate_hz: float, warm_up: int) -> None:
    """Wait for a subscriber, then send pictures at a fixed rate, stamped when they are made."""
    publisher = node.create_publisher(Image, TOPIC, qos)
    while not publisher.get_subscription_count():
        rclpy.spin_once(node, timeout_sec=0.05)
    pixels = array("B", bytes(range(256)) * (3 * WIDTH * HEIGHT // 256))
    start_s = time.monotonic() + 0.5
    for number in range(warm_up + count):
        time.sleep(max(0.0, start_s + number / rate_hz - time.monotonic()))
        message = Image(height=HEIGHT, width=WIDTH, encoding="bgr8", step=3 * WIDTH)
        message.header.frame_id = _WARM_UP if number < warm_up else "camera"
        message.data = pixels
        stamp_ns = time.time_ns()
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
        publisher.publish(message)
    time.sleep(0.5)


def subscribe(node: Node, qos: QoSProfile) -> None:
    """Receive until standard input closes, then print latencies and processor time as JSON."""
    latencies_ms: list[float] = []
    span_s: list[float] = []

    def receive(message: Image) -> None:
        stamp = message.header.stamp
        if message.header.frame_id != _WARM_UP:
            latencies_ms.append((time.time_ns() - stamp.sec * 10**9 - stamp.nanosec) / 1e6)
            span_s.append(time.monotonic())

    node.create_subscription(Image, TOPIC, receive, qos)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        executor.spin_once(timeout_sec=0.02)
    elapsed_s = span_s[-1] - span_s[0] if len(span_s) > 1 else 0.0
    print(json.dumps({"latencies_ms": latencies_ms, "elapsed_s": elapsed_s}), flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one end."""
    parser = argparse.ArgumentParser(prog="bench.transport")
    parser.add_argument("end", choices=("publish", "subscribe"))
    parser.add_argument("--reliable", action="store_true")
    parser.add_argument("--depth", type=int, default=1)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--rate-hz", type=float, default=30.0)
    parser.add_argument("--warm-up", type=int, default=15)
    options = parser.parse_args(arguments)
    rclpy.init()
    node = rclpy.create_node(f"bench_{options.end}")
    qos = quality(options.reliable, options.depth)
    if options.end == "publish":
        publish(node, qos, options.count, options.rate_hz, options.warm_up)
    else:
        subscribe(node, qos)
    node.destroy_node()
    rclpy.shutdown()


if __name__ == "__main__":
    main()
