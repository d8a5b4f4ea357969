"""Finding a radar among the serial ports by USB id, interface and serial number.

Evaluation boards expose two UARTs: through an XDS110 debug probe (BOOST, ICBOOST carrier) or a
CP2105 bridge (ISK, ODS and AOP modules). Source: user guides SWRU546 and SPRUIM4.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import serial
from serial.tools import list_ports

CLI_BAUD = 115_200
READ_TIMEOUT_S = 0.05


@dataclass(frozen=True)
class UsbBridge:
    """A USB to UART chip as found on the boards.

    Attributes:
        name: Chip.
        vendor_id: USB vendor.
        product_id: USB product.
        cli_interface: Interface number of the command port.
        data_interface: Interface number of the data port.
        max_data_baud: Fastest data port, from the chip's data sheet.
    """

    name: str
    vendor_id: int
    product_id: int
    cli_interface: int
    data_interface: int
    max_data_baud: int


BRIDGES = (
    UsbBridge("XDS110", 0x0451, 0xBEF3, 0, 3, 3_125_000),
    UsbBridge("CP2105", 0x10C4, 0xEA70, 0, 1, 921_600),
)


class PortError(Exception):
    """No usable serial port; the message says what to do."""


@dataclass(frozen=True)
class RadarPorts:
    """The two serial ports of one radar.

    Attributes:
        cli: Device path of the command port.
        data: Device path of the data port.
        serial_number: USB serial number, empty when unknown.
        bridge: USB chip, ``None`` for ports given by hand.
    """

    cli: str
    data: str
    serial_number: str = ""
    bridge: UsbBridge | None = None


def _interface_number(location: str | None) -> int | None:
    """Last figure of a USB location such as ``1-2.3:1.0``."""
    if not location or ":" not in location:
        return None
    last = location.rsplit(".", 1)[-1]
    return int(last) if last.isdigit() else None


def _usb_device(location: str | None) -> str:
    return (location or "").split(":", 1)[0]


def find_radars(ports: Iterable[Any] | None = None) -> list[RadarPorts]:
    """List the radars on USB.

    Args:
        ports: Ports as ``serial.tools.list_ports.comports()`` gives them, which is the default.

    Returns:
        Complete pairs, sorted by serial number.
    """
    halves: dict[tuple[UsbBridge, str, str], dict[int, str]] = {}
    for port in list_ports.comports() if ports is None else ports:
        for bridge in BRIDGES:
            number = _interface_number(port.location)
            if (port.vid, port.pid) == (bridge.vendor_id, bridge.product_id) and number is not None:
                key = (bridge, port.serial_number or "", _usb_device(port.location))
                halves.setdefault(key, {})[number] = port.device
    found = [
        RadarPorts(ports[bridge.cli_interface], ports[bridge.data_interface], serial_number, bridge)
        for (bridge, serial_number, _), ports in halves.items()
        if bridge.cli_interface in ports and bridge.data_interface in ports
    ]
    return sorted(found, key=lambda radar: (radar.serial_number, radar.cli))


def select_radar(serial_number: str = "", ports: Iterable[Any] | None = None) -> RadarPorts:
    """Choose one radar.

    Args:
        serial_number: USB serial number; may be empty when there is one radar only.
        ports: As for :func:`find_radars`.

    Raises:
        PortError: None, or none with that number, or several and no number given.
    """
    radars = find_radars(ports)
    known = ", ".join(f"{radar.serial_number} ({radar.cli})" for radar in radars) or "none"
    if serial_number:
        matching = [radar for radar in radars if radar.serial_number == serial_number]
        if not matching:
            raise PortError(f"no radar with serial number {serial_number!r} on USB; found: {known}")
        return matching[0]
    if not radars:
        raise PortError(
            "no radar on USB: check the cable and power; a virtual machine must hand on both ports"
        )
    if len(radars) > 1:
        raise PortError(f"several radars on USB, choose one by its serial number: {known}")
    return radars[0]


def open_port(device: str, baud: int) -> serial.Serial:
    """Open a port for exclusive use.

    Raises:
        PortError: It cannot be opened; the message names the usual cause.
    """
    try:
        return serial.Serial(device, baud, timeout=READ_TIMEOUT_S, exclusive=True)
    except (serial.SerialException, OSError, ValueError) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else str(error)
        raise PortError(f"cannot open {device} at {baud} baud: {reason}{_hint(error)}") from error


def _hint(error: Exception) -> str:
    text = str(error)
    if "Permission" in text:
        return "; add the user to the group dialout or install the udev rules"
    if "No such file" in text:
        return "; the board is not plugged in, or its ports have other names"
    if "lock" in text or "busy" in text:
        return "; another program uses it"
    return ""
