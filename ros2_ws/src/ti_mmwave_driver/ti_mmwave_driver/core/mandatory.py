"""Commands that must have been sent before the firmware accepts sensorStart."""

from __future__ import annotations

from ti_mmwave_driver.core.commands import Firmware

_CHIRPS = ("dfeDataOutputMode", "channelCfg", "adcCfg", "adcbufCfg", "profileCfg", "chirpCfg")
_OUT_OF_BOX_MANDATORY = (
    *_CHIRPS,
    "lvdsStreamCfg",
    "multiObjBeamForming",
    "calibDcRangeSig",
    "clutterRemoval",
    "extendedMaxVelocity",
    "guiMonitor",
    "compRangeBiasAndRxChanPhase",
    "measureRangeBiasAndRxChanPhase",
    "analogMonitor",
    "aoaFovCfg",
)
MANDATORY: dict[Firmware, tuple[str, ...]] = {
    Firmware.OUT_OF_BOX_68XX: (*_OUT_OF_BOX_MANDATORY, "bpmCfg"),
    Firmware.OUT_OF_BOX_64XX: _OUT_OF_BOX_MANDATORY,
    Firmware.PEOPLE_COUNTING: (
        *_CHIRPS,
        "dynamicRACfarCfg",
        "staticRACfarCfg",
        "dynamicRangeAngleCfg",
        "dynamic2DAngleCfg",
        "antGeometry0",
        "antGeometry1",
        "antPhaseRot",
        "fovCfg",
        "sensorPosition",
        "trackingCfg",
    ),
    Firmware.AREA_SCANNER: (
        *_OUT_OF_BOX_MANDATORY,
        "bpmCfg",
        "heatmapGenCfg",
        "staticDetectionCfg",
        "trackingCfg",
    ),
}
"""Commands without which the firmware refuses sensorStart."""

DIRECTIONAL = ("cfarCfg", "cfarFovCfg")
"""Commands that are needed once for range (0) and once for Doppler (1)."""
