from __future__ import annotations

import json
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from gait_reid.sensors.base import SourceError
from gait_reid.sensors.lidar import LidarConfig, LidarSource
from gait_reid.sensors.ouster_format import read_metadata
from gait_reid.sensors.pcap import read_udp
from gait_reid_common.testing import shared_data

VLP16 = "lidar/velodyne/sample_velodyne_vlp16_gps.pcap"
HDL32 = "lidar/velodyne/sample_velodyne_hdl32.pcap"
OS1 = "lidar/ouster/OS-1-32-G_v2.1.1_1024x10"
OS0 = "lidar/ouster/OS-0-32-U1_v2.2.0_1024x10"
OS128 = "lidar/ouster/crc_test"


def play(**config):
    source = LidarSource(LidarConfig(**config))
    source.open()
    clouds = []
    while not source.ended:
        cloud = source.read(1.0)
        if cloud is not None:
            clouds.append(cloud)
    source.close()
    return clouds, source.statistics, source


def ouster(stem: str, **config):
    pcap, metadata = shared_data(f"{stem}.pcap"), shared_data(f"{stem}.json")
    return play(pcap=str(pcap), metadata=str(metadata), **config)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        return udp.getsockname()[1]


class Sender:
    """Sends the packets of a capture to a port, from another thread while the source reads."""

    def __init__(self, path: Path, port: int, skip: range = range(0)) -> None:
        self.packets = [p.payload for p in read_udp(path)]
        self.kept = [p for i, p in enumerate(self.packets) if i not in skip]
        self.port = port

    def send_all(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            for payload in self.kept:
                udp.sendto(payload, ("127.0.0.1", self.port))

    def __enter__(self) -> Sender:
        self.thread = threading.Thread(target=self.send_all)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.join()


def read_live(source: LidarSource, scans: int, tries: int = 25) -> list:
    clouds = []
    for _ in range(tries):
        cloud = source.read(0.2)
        if cloud is not None:
            clouds.append(cloud)
        if len(clouds) == scans:
            break
    return clouds


# Recordings


@pytest.mark.parametrize(
    ("name", "model", "scans", "points", "rate_hz"),
    [(VLP16, "Velodyne VLP-16", 3, 18700, 10.0), (HDL32, "Velodyne HDL-32E", 2, 57700, 9.0)],
)
def test_velodyne_capture_to_the_end(name, model, scans, points, rate_hz):
    clouds, statistics, source = play(pcap=str(shared_data(name)))
    assert len(clouds) == scans
    assert statistics.lost == statistics.foreign == 0
    # The capture stops within a turn.
    assert statistics.incomplete == statistics.dropped == 1
    assert all(abs(len(cloud) - points) < 0.01 * points for cloud in clouds)
    steps_s = np.diff([cloud.stamp_ns for cloud in clouds]) * 1e-9
    np.testing.assert_allclose(steps_s, 1.0 / rate_hz, rtol=0.02)
    assert np.linalg.norm(clouds[0].xyz, axis=1).min() >= 0.29
    assert source.model == model
    assert source.nominal_hz == pytest.approx(rate_hz, rel=0.02)
    assert not source.live


def test_velodyne_matches_its_library():
    velodyne_decoder = pytest.importorskip("velodyne_decoder")
    clouds, _, _ = play(pcap=str(shared_data(VLP16)), min_range_m=0.1, max_range_m=200.0)
    scans = list(velodyne_decoder.read_pcap(str(shared_data(VLP16))))
    for cloud, (stamp, points) in zip(clouds, scans, strict=False):
        np.testing.assert_array_equal(cloud.xyz, points[:, :3])
        np.testing.assert_array_equal(cloud.intensity, points[:, 3])
        assert cloud.stamp_ns == pytest.approx(stamp.host * 1e9, abs=1000)


def test_velodyne_calibration_is_read_and_a_wrong_one_is_named(tmp_path):
    given, _, _ = play(
        pcap=str(shared_data(VLP16)),
        model="vlp16",
        calibration=str(shared_data("lidar/velodyne/VLP16.yaml")),
    )
    own, _, _ = play(pcap=str(shared_data(VLP16)), model="vlp16")
    # The file carries the 11 mm between the lasers, which the built-in one leaves out.
    assert np.abs(given[0].xyz - own[0].xyz).max() == pytest.approx(0.0112, abs=0.001)
    wrong = tmp_path / "calibration.yaml"
    wrong.write_text("lasers: nonsense")
    with pytest.raises(SourceError, match=r"calibration.yaml': cannot be read"):
        play(pcap=str(shared_data(VLP16)), model="vlp16", calibration=str(wrong))


# The figures are those of Ouster's own library on the same captures.
@pytest.mark.parametrize(
    ("stem", "model", "points", "mean_xyz", "mean_intensity"),
    [
        (OS1, "Ouster OS-1-32-G", 27310, (1.00799, 0.9108, -0.07241), 94.82204),
        (OS0, "Ouster OS-0-32-U1", 21631, (-0.17945, -1.12637, 0.07303), 145.41047),
        (OS128, "Ouster OS-0-128", 28055, (-0.11003, -0.77532, 0.21556), 16.41761),
    ],
)
def test_ouster_capture(stem, model, points, mean_xyz, mean_intensity):
    clouds, statistics, source = ouster(stem, min_range_m=0.0, max_range_m=500.0)
    assert source.model == model
    assert source.nominal_hz == 10.0
    assert len(clouds[0]) == points
    assert statistics.dropped == (stem == OS128)  # that capture stops within a turn
    np.testing.assert_allclose(clouds[0].xyz.mean(axis=0), mean_xyz, atol=1e-4)
    assert clouds[0].intensity.mean() == pytest.approx(mean_intensity, rel=1e-5)


def test_ranges_are_limited():
    clouds, _, _ = ouster(OS1, min_range_m=5.0, max_range_m=20.0)
    distance = np.linalg.norm(clouds[0].xyz, axis=1)
    assert 4.9 < distance.min() < distance.max() < 20.1


def test_sensor_stamps_and_offset():
    host, _, _ = ouster(OS1)
    sensor, _, _ = ouster(OS1, stamp_source="sensor", time_offset_s=-0.5)
    assert host[0].stamp_ns // 10**9 == 1624323701
    assert sensor[0].stamp_ns < 10**15  # seconds since this sensor was started


def test_truncated_capture_delivers_first_and_then_says_so(tmp_path):
    data = shared_data(VLP16).read_bytes()
    path = tmp_path / "cut.pcap"
    path.write_bytes(data[: len(data) // 2])
    source = LidarSource(LidarConfig(pcap=str(path)))
    source.open()
    clouds = [source.read(1.0)]
    with pytest.raises(SourceError, match=r"cut.pcap': ends within a packet"):
        clouds += iter(lambda: source.read(1.0), None)
    assert len(clouds[0]) > 18000
    assert source.ended


def test_capture_without_packets_of_the_port_is_named():
    source = LidarSource(LidarConfig(pcap=str(shared_data(VLP16)), ip_port=4242))
    with pytest.raises(SourceError, match=r"holds no UDP packets to port 4242"):
        source.open()


def test_lost_packets_are_counted(tmp_path):
    raw = shared_data(VLP16).read_bytes()
    head, records, position = raw[:24], [], 24
    while position < len(raw):
        size = struct.unpack_from("<I", raw, position + 8)[0]
        records.append(raw[position : position + 16 + size])
        position += 16 + size
    path = tmp_path / "gaps.pcap"
    data = [i for i, record in enumerate(records) if len(record) == 16 + 1248]
    missing = {data[100], data[101], data[130]}
    path.write_bytes(head + b"".join(r for i, r in enumerate(records) if i not in missing))
    clouds, statistics, _ = play(pcap=str(path))
    assert statistics.lost == 3
    assert statistics.incomplete == 2
    assert len(clouds) == 3


# Metadata


def test_wrong_metadata_names_both_sizes():
    pcap = str(shared_data(f"{OS1}.pcap"))
    source = LidarSource(LidarConfig(pcap=pcap, metadata=str(shared_data(f"{OS0}.json"))))
    source.open()
    message = r"none is of this sensor: the metadata \(Ouster OS-0-32-U1.*8448 bytes"
    with pytest.raises(SourceError, match=message):
        source.read(1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is no JSON object"),
        ("{}", r"KeyError\('beam_altitude_angles'\)"),
        ('{"beam_altitude_angles": [1], "beam_azimuth_angles": [1, 2]}', "1 beams, 1 rows"),
        (
            '{"beam_altitude_angles": [1], "beam_azimuth_angles": [1], '
            '"data_format": {"udp_profile_lidar": "NEW"}}',
            "packet profile NEW is not known, known are LEGACY",
        ),
    ],
)
def test_broken_metadata_is_named(tmp_path, text, message):
    path = tmp_path / "metadata.json"
    path.write_text(text)
    with pytest.raises(SourceError, match=message):
        read_metadata(str(path))


def test_missing_metadata_is_named():
    with pytest.raises(SourceError, match="is needed to decode Ouster packets"):
        LidarSource(LidarConfig(model="ouster")).open()
    with pytest.raises(SourceError, match=r"/no.json': No such file"):
        LidarSource(LidarConfig(model="ouster", metadata="/no.json")).open()


def test_metadata_is_asked_from_the_sensor(monkeypatch):
    text = shared_data(f"{OS128}.json").read_bytes()
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        metadata = read_metadata("", f"127.0.0.1:{server.server_port}")
    assert asked == ["/api/v1/sensor/metadata"]
    assert metadata.rows == json.loads(text)["lidar_data_format"]["pixels_per_column"] == 128
    with pytest.raises(SourceError, match="does not answer"):
        read_metadata("", f"127.0.0.1:{server.server_port}")


# Live


@pytest.mark.parametrize(
    ("name", "config"), [(VLP16, {}), (f"{OS1}.pcap", {"metadata": f"{OS1}.json"})]
)
def test_live_packets_give_the_scans_of_the_capture(name, config):
    path = shared_data(name)
    config = {key: str(shared_data(value)) for key, value in config.items()}
    recorded, _, _ = play(pcap=str(path), **config)
    source = LidarSource(LidarConfig(ip_port=free_port(), ip_address="", **config))
    source.open()
    with Sender(path, source.config.ip_port):
        clouds = read_live(source, len(recorded))
    assert source.statistics.overflowed == 0
    for cloud, expected in zip(clouds, recorded, strict=True):
        np.testing.assert_array_equal(cloud.xyz, expected.xyz)
    assert source.live
    source.close()
    source.close()


def test_silence_is_no_frame_and_the_sensor_may_come_back():
    source = LidarSource(LidarConfig(ip_port=free_port()))
    source.open()
    assert source.read(0.05) is None
    for _ in range(2):
        with Sender(shared_data(VLP16), source.config.ip_port):
            assert len(read_live(source, 2)) == 2
        while source.read(0.05) is not None:
            pass
        assert not source.ended
    source.close()


def test_lost_packets_of_a_live_sensor_are_counted():
    source = LidarSource(LidarConfig(ip_port=free_port()))
    source.open()
    indices = range(60, 66)
    sender = Sender(shared_data(VLP16), source.config.ip_port, indices)
    skipped = sum(len(sender.packets[i]) == 1206 for i in indices)
    with sender:
        assert len(read_live(source, 3)) == 3
    assert source.statistics.lost == skipped
    assert source.statistics.incomplete == 1
    source.close()


def test_packets_of_another_sensor_are_not_taken():
    source = LidarSource(LidarConfig(ip_port=free_port(), ip_address="127.0.0.9"))
    source.open()
    with Sender(shared_data(VLP16), source.config.ip_port):
        assert read_live(source, 1, tries=3) == []
    assert source.statistics.packets == 0
    source.close()


def test_packets_of_another_kind_are_named():
    source = LidarSource(LidarConfig(ip_port=free_port()))
    source.open()
    sender = Sender(shared_data(f"{OS1}.pcap"), source.config.ip_port)
    sender.kept = sender.packets * 4
    with (
        sender,
        pytest.raises(
            SourceError, match=r"none is of this sensor: Velodyne data packets have 1206"
        ),
    ):
        read_live(source, 1)
    source.close()


def test_port_in_use_names_port_process_and_fix():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("", 0))
        port = udp.getsockname()[1]
        with pytest.raises(
            SourceError, match=rf"udp port '{port}': is in use \(by .+, process \d+\)"
        ) as error:
            LidarSource(LidarConfig(ip_port=port)).open()
    assert "set ip_port" in error.value.fix


def test_wrong_configuration_is_named():
    with pytest.raises(ValueError, match="min_range_m is 9.0, expected less than max_range_m, 5.0"):
        LidarConfig(min_range_m=9.0, max_range_m=5.0)
    with pytest.raises(ValueError, match=r"model.*vlp17"):
        LidarConfig(model="vlp17")
    with pytest.raises(SourceError, match="is not open"):
        LidarSource(LidarConfig()).read(0.1)
