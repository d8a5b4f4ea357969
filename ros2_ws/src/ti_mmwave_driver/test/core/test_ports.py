"""Finding radars among serial ports."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ti_mmwave_driver.core.ports import PortError, find_radars, open_port, select_radar


@dataclass
class Port:
    device: str
    vid: int | None
    pid: int | None
    serial_number: str | None
    location: str | None


def cp2105(number: str, first: int, location: str) -> list[Port]:
    return [
        Port(f"/dev/ttyUSB{first}", 0x10C4, 0xEA70, number, f"{location}:1.0"),
        Port(f"/dev/ttyUSB{first + 1}", 0x10C4, 0xEA70, number, f"{location}:1.1"),
    ]


XDS110 = [
    Port("/dev/ttyACM0", 0x0451, 0xBEF3, "R0081038", "1-2:1.0"),
    Port("/dev/ttyACM1", 0x0451, 0xBEF3, "R0081038", "1-2:1.3"),
]
OTHER = Port("/dev/ttyS0", None, None, None, None)


def test_both_bridges_are_recognised():
    radars = find_radars([OTHER, *XDS110[::-1], *cp2105("00E23FD7", 0, "1-1.4")])
    assert [(r.serial_number, r.cli, r.data) for r in radars] == [
        ("00E23FD7", "/dev/ttyUSB0", "/dev/ttyUSB1"),
        ("R0081038", "/dev/ttyACM0", "/dev/ttyACM1"),
    ]


def test_half_a_radar_is_none():
    assert find_radars(XDS110[:1]) == []


def test_the_only_radar_needs_no_serial_number():
    assert select_radar(ports=XDS110).data == "/dev/ttyACM1"


def test_several_radars_are_chosen_by_serial_number():
    ports = [*cp2105("A", 0, "1-1"), *cp2105("B", 2, "1-2")]
    assert select_radar("B", ports).cli == "/dev/ttyUSB2"
    with pytest.raises(PortError, match=r"choose one.*A \(/dev/ttyUSB0\), B \(/dev/ttyUSB2\)"):
        select_radar("", ports)
    with pytest.raises(PortError, match="no radar with serial number 'C'"):
        select_radar("C", ports)


def test_radars_without_serial_numbers_are_told_apart_by_their_place():
    assert len(find_radars([*cp2105("", 0, "1-1"), *cp2105("", 2, "1-2")])) == 2


def test_no_radar():
    with pytest.raises(PortError, match="check the cable"):
        select_radar(ports=[OTHER])


def test_a_missing_port_is_named(tmp_path):
    with pytest.raises(PortError, match=r"cannot open .*none at 115200 baud.*not plugged in"):
        open_port(str(tmp_path / "none"), 115200)
