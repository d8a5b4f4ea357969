"""Commands of the firmware's command line and the ranges of their arguments.

Source: mmWave SDK 3.5 user guide ("Configuration (.cfg) File Format") and the demos' parsers, which
refuse any other number of arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Firmware(Enum):
    """Programs for the IWR6843 whose command sets differ."""

    OUT_OF_BOX_68XX = "out_of_box_68xx"
    OUT_OF_BOX_64XX = "out_of_box_64xx"
    PEOPLE_COUNTING = "people_counting"
    AREA_SCANNER = "area_scanner"


@dataclass(frozen=True)
class Argument:
    """Range of one argument.

    Attributes:
        name: What the user guide calls it.
        minimum: Smallest value.
        maximum: Largest value.
        unit: Unit, empty when it has none.
        integer: Whether the firmware reads it with ``atoi``.
    """

    name: str
    minimum: float
    maximum: float
    unit: str = ""
    integer: bool = True

    @property
    def allowed(self) -> str:
        """The range in words."""
        unit = f" {self.unit}" if self.unit else ""
        if self.minimum == self.maximum:
            return f"only {self.minimum:g}{unit}"
        return f"{self.minimum:g} to {self.maximum:g}{unit}"


def _int(name: str, minimum: int, maximum: int, unit: str = "") -> Argument:
    return Argument(name, minimum, maximum, unit)


def _real(name: str, minimum: float, maximum: float, unit: str = "") -> Argument:
    return Argument(name, minimum, maximum, unit, integer=False)


_SUBFRAME = _int("subframe", -1, 3)
_ANY = 1e9


def _free(count: int) -> tuple[Argument, ...]:
    return tuple(_real(f"argument {index + 1}", -_ANY, _ANY) for index in range(count))


COMMON: dict[str, tuple[Argument, ...]] = {
    "sensorStop": (),
    "flushCfg": (),
    "version": (),
    "help": (),
    "queryDemoStatus": (),
    "dfeDataOutputMode": (_int("mode", 1, 3),),
    "channelCfg": (_int("rx mask", 1, 15), _int("tx mask", 1, 7), _int("cascading", 0, 0)),
    "adcCfg": (_int("bits", 2, 2), _int("output format", 1, 2)),
    "adcbufCfg": (
        _int("subframe", -1, 3),
        _int("output format", 0, 0),
        _int("sample swap", 0, 1),
        _int("interleave", 1, 1),
        _int("chirp threshold", 0, 8),
    ),
    "lowPower": (_int("reserved", 0, 0), _int("ADC mode", 0, 0)),
    "profileCfg": (
        _int("profile", 0, 3),
        _real("start frequency", 57.0, 64.0, "GHz"),
        _real("idle time", 0.0, 5242.87, "us"),
        _real("ADC start time", 0.0, 40.95, "us"),
        _real("ramp end time", 0.0, 5000.0, "us"),
        _int("tx power back-off", 0, 0x1A1A1A),
        _int("tx phase", 0, 0xFCFCFC),
        _real("slope", 0.0, 250.0, "MHz/us"),
        _real("tx start time", -40.96, 40.95, "us"),
        _int("ADC samples", 2, 1024),
        _int("ADC sample rate", 2000, 12500, "ksps"),
        _int("high-pass corner 1", 0, 3),
        _int("high-pass corner 2", 0, 3),
        _int("rx gain", 0, 255),
    ),
    "chirpCfg": (
        _int("start index", 0, 511),
        _int("end index", 0, 511),
        _int("profile", 0, 3),
        _real("start frequency variation", 0.0, 0.0),
        _real("slope variation", 0.0, 0.0),
        _real("idle time variation", 0.0, 0.0),
        _real("ADC start variation", 0.0, 0.0),
        _int("tx mask", 1, 7),
    ),
    "frameCfg": (
        _int("first chirp", 0, 511),
        _int("last chirp", 0, 511),
        _int("loops", 1, 255),
        _int("frames", 0, 65535),
        _real("period", 0.3, 1342.0, "ms"),
        _int("trigger", 1, 2),
        _real("trigger delay", 0.0, 1e4, "ms"),
    ),
    "advFrameCfg": (
        _int("subframes", 1, 4),
        _int("force profile", 0, 0),
        _int("frames", 0, 65535),
        _int("trigger", 1, 2),
        _real("trigger delay", 0.0, 1e4, "us"),
    ),
    "subFrameCfg": (
        _int("subframe", 0, 3),
        _int("force profile", 0, 0),
        _int("first chirp", 0, 511),
        _int("chirps", 1, 512),
        _int("loops", 1, 255),
        _real("burst period", 0.3, 1342.0, "ms"),
        _int("chirp offset", 0, 0),
        _int("bursts", 1, 1),
        _int("burst loops", 1, 1),
        _real("subframe period", 0.3, 1342.0, "ms"),
    ),
    "compRangeBiasAndRxChanPhase": (
        _real("range bias", -10.0, 10.0, "m"),
        *(_real(f"phase {index // 2} {'ri'[index % 2]}", -1.0, 1.0) for index in range(24)),
    ),
    "configDataPort": (_int("baud rate", 9600, 3_125_000), _int("ack ping", 0, 1)),
}

OUT_OF_BOX: dict[str, tuple[Argument, ...]] = {
    **COMMON,
    "guiMonitor": (
        _SUBFRAME,
        _int("detected objects", 0, 2),
        _int("range profile", 0, 1),
        _int("noise profile", 0, 1),
        _int("azimuth heat map", 0, 1),
        _int("range-Doppler heat map", 0, 1),
        _int("statistics", 0, 1),
    ),
    "cfarCfg": (
        _SUBFRAME,
        _int("direction", 0, 1),
        _int("averaging mode", 0, 2),
        _int("window", 1, 255),
        _int("guard", 0, 255),
        _int("divisor shift", 0, 15),
        _int("cyclic", 0, 1),
        _real("threshold", 0.0, 100.0, "dB"),
        _int("peak grouping", 0, 1),
    ),
    "multiObjBeamForming": (_SUBFRAME, _int("enable", 0, 1), _real("threshold", 0.0, 1.0)),
    "calibDcRangeSig": (
        _SUBFRAME,
        _int("enable", 0, 1),
        _int("negative bins", -31, 0),
        _int("positive bins", 0, 31),
        _int("averages", 1, 65536),
    ),
    "clutterRemoval": (_SUBFRAME, _int("enable", 0, 1)),
    "extendedMaxVelocity": (_SUBFRAME, _int("enable", 0, 1)),
    "aoaFovCfg": (
        _SUBFRAME,
        _real("lowest azimuth", -90.0, 90.0, "deg"),
        _real("highest azimuth", -90.0, 90.0, "deg"),
        _real("lowest elevation", -90.0, 90.0, "deg"),
        _real("highest elevation", -90.0, 90.0, "deg"),
    ),
    "cfarFovCfg": (
        _SUBFRAME,
        _int("direction", 0, 1),
        _real("lowest", -1000.0, 1000.0),
        _real("highest", -1000.0, 1000.0),
    ),
    "measureRangeBiasAndRxChanPhase": (
        _int("enable", 0, 1),
        _real("target distance", 0.0, 100.0, "m"),
        _real("search window", 0.0, 100.0, "m"),
    ),
    "bpmCfg": (
        _SUBFRAME,
        _int("enable", 0, 1),
        _int("chirp 0", 0, 511),
        _int("chirp 1", 0, 511),
    ),
    "CQRxSatMonitor": (
        _int("profile", 0, 3),
        _int("saturation select", 0, 3),
        _int("slice duration", 4, 249),
        _int("slices", 1, 127),
        _int("channel mask", 0, 255),
    ),
    "CQSigImgMonitor": (
        _int("profile", 0, 3),
        _int("slices", 1, 127),
        _int("samples per slice", 4, 256),
    ),
    "analogMonitor": (_int("saturation", 0, 1), _int("signal and image", 0, 1)),
    "lvdsStreamCfg": (
        _SUBFRAME,
        _int("header", 0, 1),
        _int("format", 0, 4),
        _int("software", 0, 1),
    ),
    "calibData": (_int("save", 0, 1), _int("restore", 0, 1), _int("flash offset", 0, 0x1FFFFFF)),
}

_TRACKING: dict[str, tuple[Argument, ...]] = {
    "staticBoundaryBox": _free(6),
    "boundaryBox": _free(6),
    "gatingParam": _free(5),
    "maxAcceleration": _free(3),
    "allocationParam": _free(6),
}

_PEOPLE: dict[str, tuple[Argument, ...]] = {
    **COMMON,
    **_TRACKING,
    "stateParam": _free(6),
    "trackingCfg": _free(7),
    "sensorPosition": _free(3),
    "presenceBoundaryBox": _free(6),
    "dynamicRACfarCfg": _free(14),
    "staticRACfarCfg": _free(14),
    "dynamicRangeAngleCfg": _free(5),
    "dynamic2DAngleCfg": _free(9),
    "staticRangeAngleCfg": _free(4),
    "antGeometry0": _free(12),
    "antGeometry1": _free(12),
    "antPhaseRot": _free(12),
    "fovCfg": _free(3),
}

_AREA: dict[str, tuple[Argument, ...]] = {
    **OUT_OF_BOX,
    **_TRACKING,
    "stateParam": _free(5),
    "trackingCfg": _free(8),
    "heatmapGenCfg": _free(8),
    "staticDetectionCfg": _free(11),
}

COMMANDS: dict[Firmware, dict[str, tuple[Argument, ...]]] = {
    Firmware.OUT_OF_BOX_68XX: OUT_OF_BOX,
    Firmware.OUT_OF_BOX_64XX: {k: v for k, v in OUT_OF_BOX.items() if k != "bpmCfg"},
    Firmware.PEOPLE_COUNTING: _PEOPLE,
    Firmware.AREA_SCANNER: _AREA,
}

OPTIONAL_LAST_ARGUMENT = {"sensorStart": _int("reconfigure", 0, 1)}
