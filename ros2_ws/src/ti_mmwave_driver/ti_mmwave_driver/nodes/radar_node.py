"""Publishes points and targets of one radar, live or recorded."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from std_msgs.msg import Header

from gait_reid_common.diagnostics import Level, Status
from gait_reid_common.lifecycle import ManagedNode, run_node
from gait_reid_msgs.srv import SendCommand, SetProfile
from ti_mmwave_driver.adapters import messages
from ti_mmwave_driver.core import uart
from ti_mmwave_driver.core.check import ProfileError, check_profile
from ti_mmwave_driver.core.design import data_port_baud
from ti_mmwave_driver.core.device import RadarDevice
from ti_mmwave_driver.core.errors import CommandRefusedError, SessionError
from ti_mmwave_driver.core.health import LEVELS, Health, HealthLimits
from ti_mmwave_driver.core.ports import PortError
from ti_mmwave_driver.core.profile import Profile, parse_profile
from ti_mmwave_driver.core.recording import Recorder
from ti_mmwave_driver.core.types import RadarFrame
from ti_mmwave_driver.nodes import setup
from ti_mmwave_driver.nodes.parameters import RadarParameters
from ti_mmwave_driver.nodes.topics import (
    RADAR_INFO,
    RADAR_POINTS,
    RADAR_RANGE_PROFILE,
    RADAR_TARGETS,
    RECORD,
    SEND_COMMAND,
    SET_PROFILE,
)

_INFO_PERIOD_S = 0.2


class RadarNode(ManagedNode[RadarParameters]):
    """Runs one radar; whatever happens to it is survived, counted and reported."""

    node_name = "radar"
    parameter_type = RadarParameters
    publishes = (RADAR_POINTS, RADAR_TARGETS, RADAR_RANGE_PROFILE, RADAR_INFO)
    serves = (SEND_COMMAND, SET_PROFILE, RECORD)

    def do_configure(self, parameters: RadarParameters) -> None:
        """Check the profile; the radar itself is looked for when the node is activated."""
        self._limits = HealthLimits(
            parameters.temperature_warn_deg_c, parameters.temperature_error_deg_c
        )
        self._packet_bytes = 0
        self._announced: object = None
        self._logged = ("", "")
        self._recorder: Recorder | None = None
        self._use(setup.make_source(parameters, self._publish))
        self._points_out = self.publisher(RADAR_POINTS)
        self._targets_out = self.publisher(RADAR_TARGETS)
        self._profile_out = self.publisher(RADAR_RANGE_PROFILE)
        self._info_out = self.publisher(RADAR_INFO)
        self.add_status(self._status)
        self.serve(SEND_COMMAND, self._send_command)
        self.serve(SET_PROFILE, self._set_profile)
        self.serve(RECORD, self._record)
        self.every(_INFO_PERIOD_S, self._announce)
        self.every(_INFO_PERIOD_S, self._log_changes)

    def do_activate(self) -> None:
        """Start the radar, or the recording in its place."""
        self._use(setup.make_source(self.parameters, self._publish))
        self._announced = None
        if self.parameters.record_from_start:
            self._begin_recording()
        self._source.open()

    def do_deactivate(self) -> None:
        """Stop the radar, so that it can be started again, and give back its ports."""
        self._source.close()
        self._end_recording()

    def _use(self, source: setup.Source) -> None:
        self._source = source
        self._design = setup.design_of(source.profile) if len(source.profile) else None

    # In the reader's thread

    def _publish(self, frame: RadarFrame) -> None:
        frame_id = self.parameters.frame_id
        self._packet_bytes = len(frame.packet)
        if self.wanted(self._points_out):
            self._points_out.publish(messages.to_point_cloud(frame, frame_id))
        if frame.targets is not None and self.wanted(self._targets_out):
            self._targets_out.publish(messages.to_targets(frame, frame.targets, frame_id))
        if frame.range_profile is not None and self.wanted(self._profile_out):
            bins = len(frame.range_profile)
            size_m = self._design.max_range_m / bins if self._design else 0.0
            self._profile_out.publish(messages.to_range_profile(frame, size_m, frame_id))

    # In the executor's thread

    def _announce(self) -> None:
        source = self._source
        ports = source.ports if isinstance(source, RadarDevice) else None
        serial_number = ports.serial_number if ports else self.parameters.ports.serial_number
        known = (source.profile, tuple(source.identity.items()), serial_number)
        if known == self._announced:
            return
        self._announced = known
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self.parameters.frame_id)
        self._info_out.publish(
            messages.to_info(self._design, source.profile, source.identity, serial_number, header)
        )

    def _log_changes(self) -> None:
        state, message = self._source.state.value, self._source.message
        if (state, message) != self._logged:
            self._logged = (state, message)
            text = f"{state}: {message}"
            calm = LEVELS[self._source.state] < Level.ERROR
            self.get_logger().info(text) if calm else self.get_logger().error(text)

    def _status(self) -> Status:
        source = self._source
        busy_ms = uart.transmit_ms(self._packet_bytes, data_port_baud(source.profile))
        health = Health(
            source.state,
            source.message,
            source.rate_hz,
            source.period_s,
            source.counters,
            source.parser.counters,
            source.temperature,
            busy_ms * 1e-3 * source.rate_hz,
        )
        return health.status(self._limits)

    def _send_command(
        self, request: SendCommand.Request, response: SendCommand.Response
    ) -> SendCommand.Response:
        response.success = False
        try:
            reply = self._source.send_command(request.command)
        except CommandRefusedError as error:
            response.message, response.lines = str(error), list(error.reply.lines)
        except (SessionError, PortError, OSError, ValueError) as error:
            response.message = str(error)
        else:
            response.success = True
            response.message, response.lines = reply.ignored or "", list(reply.lines)
        return response

    def _set_profile(
        self, request: SetProfile.Request, response: SetProfile.Response
    ) -> SetProfile.Response:
        response.success = False
        try:
            profile = self._requested(request)
            response.violations = [str(found) for found in check_profile(profile).violations]
            limits = setup.plausibility(profile, self.parameters.limits)
            self._source.set_profile(profile, limits)
        except ProfileError as error:
            response.message = f"{profile.name} breaks {len(error.violations)} rules"
        except (SessionError, PortError, OSError, ValueError) as error:
            response.message = str(error)
        else:
            self._design = setup.design_of(profile)
            response.success, response.message = True, f"running {profile.name}"
        return response

    def _requested(self, request: SetProfile.Request) -> Profile:
        if request.path:
            return setup.find_profile(request.path)
        profile = parse_profile(request.profile, "the profile of the request")
        if not len(profile):
            raise ValueError("the request has neither a path nor a profile")
        return profile

    def _record(self, request: Any, response: Any) -> Any:
        try:
            if request.data:
                recorder = self._begin_recording()
                response.success, response.message = True, f"recording to {recorder.path}"
            else:
                response.success, response.message = True, self._end_recording()
        except (SessionError, OSError, ValueError) as error:
            response.success, response.message = False, str(error)
        return response

    def _begin_recording(self) -> Recorder:
        if self._recorder is not None:
            return self._recorder
        path = setup.recording_path(self.parameters.recording_directory)
        recorder = Recorder(path, setup.recording_info(self._source))
        try:
            self._source.record(recorder)
        except SessionError:
            recorder.close()
            path.unlink()
            path.with_suffix(".json").unlink()
            raise
        self._recorder = recorder
        return recorder

    def _end_recording(self) -> str:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return "nothing was being recorded"
        with contextlib.suppress(SessionError):
            self._source.record(None)
        recorder.close()
        failure = f", then {recorder.error}" if recorder.error else ""
        return f"{recorder.byte_count} bytes in {recorder.path}{failure}"


def main() -> int:
    """Run the node until it is interrupted."""
    return run_node(RadarNode)


if __name__ == "__main__":
    sys.exit(main())
