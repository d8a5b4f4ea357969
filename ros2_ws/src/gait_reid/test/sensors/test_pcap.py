from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gait_reid.sensors.base import SourceError
from gait_reid.sensors.pcap import UdpPacket, read_udp
from gait_reid_common.testing import shared_data


def udp(payload: bytes, port: int = 2368) -> bytes:
    return struct.pack(">HHHH", 1000, port, 8 + len(payload), 0) + payload


def ip(data: bytes, identification: int = 1, offset: int = 0, more: bool = False) -> bytes:
    flags = (offset // 8) | (0x2000 if more else 0)
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(data), identification, flags, 64, 17, 0)
    return head + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + data


def ethernet(packet: bytes, tag: bytes = b"") -> bytes:
    return bytes(12) + tag + b"\x08\x00" + packet


def pcap(frames: list[bytes], link: int = 1, order: str = "<", magic: int = 0xA1B2C3D4) -> bytes:
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    for index, frame in enumerate(frames):
        data += struct.pack(order + "IIII", 1600000000, index, len(frame), len(frame)) + frame
    return data


def block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size


def pcapng(frames: list[bytes], resolution: int | None = 9) -> bytes:
    options = b"" if resolution is None else struct.pack("<HHBxxx", 9, 1, resolution)
    data = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    data += block(1, struct.pack("<HHI", 1, 0, 65535) + options)
    ticks = 10 ** (6 if resolution is None else resolution)
    for index, frame in enumerate(frames):
        stamp = 1600000000 * ticks + index
        head = struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), len(frame))
        data += block(6, head + frame)
    return data


def read(tmp_path, data: bytes) -> list[UdpPacket]:
    path = tmp_path / "x.pcap"
    path.write_bytes(data)
    return list(read_udp(path))


def test_pcap_in_either_byte_order_and_resolution(tmp_path):
    frames = [ethernet(ip(udp(b"one"))), ethernet(ip(udp(b"two", 2369)))]
    expected = [(2368, b"one"), (2369, b"two")]
    for order in "<>":
        for magic, tick in ((0xA1B2C3D4, 1000), (0xA1B23C4D, 1)):
            packets = read(tmp_path, pcap(frames, order=order, magic=magic))
            assert [(p.port, p.payload) for p in packets] == expected
            assert packets[1].stamp_ns == 1600000000_000000000 + tick


@pytest.mark.parametrize(("resolution", "tick_ns"), [(None, 1000), (6, 1000), (9, 1)])
def test_pcapng(tmp_path, resolution, tick_ns):
    frames = [ethernet(ip(udp(b"one"))), ethernet(ip(udp(b"two")))]
    packets = read(tmp_path, pcapng(frames, resolution))
    assert [p.payload for p in packets] == [b"one", b"two"]
    assert packets[1].stamp_ns - packets[0].stamp_ns == tick_ns


@pytest.mark.parametrize(
    ("link", "wrap"),
    [
        (1, ethernet),
        (1, lambda p: ethernet(p, b"\x81\x00\x00\x05")),
        (101, lambda p: p),
        (0, lambda p: bytes(4) + p),
        (113, lambda p: bytes(16) + p),
        (276, lambda p: bytes(20) + p),
    ],
)
def test_link_layers(tmp_path, link, wrap):
    assert read(tmp_path, pcap([wrap(ip(udp(b"data")))], link))[0].payload == b"data"


def test_padding_of_short_frames_is_no_payload(tmp_path):
    assert read(tmp_path, pcap([ethernet(ip(udp(b"ab")) + bytes(20))]))[0].payload == b"ab"


def test_fragments_are_joined_in_any_order(tmp_path):
    payload = bytes(range(256)) * 20
    whole = udp(payload)
    cuts = [(0, 1480), (1480, 2960), (2960, 4440), (4440, len(whole))]
    frames = [ethernet(ip(whole[a:b], 7, a, b < len(whole))) for a, b in cuts]
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]):
        packets = read(tmp_path, pcap([frames[i] for i in order]))
        assert [p.payload for p in packets] == [payload]
    assert read(tmp_path, pcap(frames[:3])) == []


def test_unfinished_datagrams_do_not_pile_up(tmp_path):
    frames = [ethernet(ip(bytes(80), i, 0, True)) for i in range(500)]
    frames.append(ethernet(ip(udp(b"last"))))
    assert [p.payload for p in read(tmp_path, pcap(frames))] == [b"last"]


def test_truncated_file_gives_what_is_whole_and_then_an_error(tmp_path):
    data = pcap([ethernet(ip(udp(bytes([i]) * 100))) for i in range(5)])
    path = tmp_path / "cut.pcap"
    for cut in (1, 60, 110, 150):
        path.write_bytes(data[:-cut])
        packets = read_udp(path)
        whole = 4 if cut < 158 else 3
        assert [next(packets).payload[0] for _ in range(whole)] == list(range(whole))
        with pytest.raises(SourceError, match=r"cut.pcap': ends within a packet at byte \d+"):
            next(packets)


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "is empty"), (b"hello world", "0x68656c6c, which is neither pcap nor pcapng")],
)
def test_other_files_are_named(tmp_path, data, message):
    with pytest.raises(SourceError, match=message):
        read(tmp_path, data)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(SourceError, match="nowhere.pcap': No such file"):
        next(read_udp(tmp_path / "nowhere.pcap"))


def test_absurd_length_is_refused(tmp_path):
    data = pcap([]) + struct.pack("<IIII", 0, 0, 0xFFFFFFF0, 0xFFFFFFF0)
    with pytest.raises(SourceError, match="claims 4294967280 bytes"):
        read(tmp_path, data)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damage_never_does_worse_than_an_error(tmp_path_factory, data):
    frames = [ethernet(ip(udp(b"x" * 40))), ethernet(ip(bytes(64), 3, 0, True))]
    good = data.draw(st.sampled_from([pcap(frames), pcapng(frames)]))
    raw = bytearray(good)
    for position in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=6)):
        raw[position] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "x.pcap"
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    try:
        packets = list(read_udp(path))
    except SourceError:
        return
    assert all(len(packet.payload) < 1 << 16 for packet in packets)


def test_real_captures():
    sizes = [
        len(p.payload)
        for p in read_udp(shared_data("lidar/velodyne/sample_velodyne_vlp16_gps.pcap"))
    ]
    assert sizes.count(1206) == 293
    assert sizes.count(512) == 57
    sizes = [
        len(p.payload) for p in read_udp(shared_data("lidar/ouster/OS-1-32-G_v2.1.1_1024x10.pcap"))
    ]
    assert sizes == [6464] * 64
