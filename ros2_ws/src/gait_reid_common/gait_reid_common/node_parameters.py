"""Brings parameter classes and ROS parameters together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from gait_reid_common.parameters import (
    ParameterError,
    ParameterInfo,
    UnknownParameterError,
    from_mapping,
    param,
    parameters_of,
    validate,
)
from gait_reid_common.qos import Qos, Topic

P = TypeVar("P")

# Declared by rclpy itself, in some of its versions.
_FOREIGN = ("use_sim_time", "start_type_description_service", "qos_overrides.")


@dataclass(frozen=True)
class CommonParameters:
    """Parameters that every node has."""

    autostart: bool = param(
        True, "Configure and activate without a lifecycle manager", read_only=True
    )
    autostart_retry_s: float = param(
        2.0, "Pause before the next attempt when a device is not there yet", "s", 0.1, 3600.0
    )
    silence_s: float = param(
        5.0, "Silence of a required input that is worth a reminder", "s", 0.5, 3600.0
    )
    latency_warn_s: float = param(
        0.5, "Age of results from which on diagnostics warn (95th percentile)", "s", 0.0
    )
    latency_error_s: float = param(
        1.0, "Age of results from which on diagnostics show an error (95th percentile)", "s", 0.0
    )

    def __post_init__(self) -> None:
        validate(self)


class NodeParameters:
    """Declares a node's parameters and reads them back as parameter classes.

    Types are dynamic in ROS, so that an integer for a double and a wrong value in a file reach our
    own validation, which names the parameter, its value and what is allowed.

    Attributes:
        locked: Whether the node is configured, so that a change would have no effect.
    """

    def __init__(
        self, node: Node, parameter_type: type, topics: Iterable[tuple[Topic[Any], Qos]]
    ) -> None:
        self.locked = False
        self._node = node
        self._infos: dict[str, ParameterInfo] = {}
        for info in (*parameters_of(CommonParameters), *parameters_of(parameter_type)):
            self._declare(info)
        for topic, default in topics:
            for info in parameters_of(Qos):
                key = f"{topic.parameter_group}.{info.key}"
                self._declare(replace(info, key=key, default=getattr(default, info.key)))
        node.add_on_set_parameters_callback(self._check)

    def common(self) -> CommonParameters:
        """Return the parameters that every node has."""
        return self.read(CommonParameters)

    def read(self, cls: type[P]) -> P:
        """Return the present values of a parameter class.

        Raises:
            ParameterError: A value is not allowed.
        """
        keys = [info.key for info in parameters_of(cls)]
        return from_mapping(cls, {key: self._node.get_parameter(key).value for key in keys})

    def qos(self, topic: Topic[Any]) -> Qos:
        """Return the quality of service of a topic, with what the user overrides."""
        group = topic.parameter_group
        values = {
            info.key: self._infos[f"{group}.{info.key}"].convert(
                self._node.get_parameter(f"{group}.{info.key}").value
            )
            for info in parameters_of(Qos)
        }
        return Qos(**values)

    def check_unknown(self) -> None:
        """Refuse parameters that somebody set and nobody declares.

        Raises:
            UnknownParameterError: Names the parameter and the nearest known one.
        """
        overrides: dict[str, Parameter] = getattr(self._node, "_parameter_overrides", {})
        for key, parameter in overrides.items():
            if not key.startswith(_FOREIGN) and not self._node.has_parameter(key):
                raise UnknownParameterError(key, parameter.value, list(self._infos))

    def _declare(self, info: ParameterInfo) -> None:
        unit = f" [{info.unit}]" if info.unit else ""
        descriptor = ParameterDescriptor(
            name=info.key,
            description=info.description + unit,
            additional_constraints=info.allowed,
            read_only=info.read_only,
            dynamic_typing=True,
        )
        default = list(info.default) if isinstance(info.default, tuple) else info.default
        self._infos[info.key] = info
        self._node.declare_parameter(info.key, default, descriptor)

    def _check(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            info = self._infos.get(parameter.name)
            if info is None:
                continue
            try:
                info.convert(parameter.value)
            except ParameterError as error:
                return SetParametersResult(successful=False, reason=str(error))
            if self.locked:
                reason = (
                    f"parameter '{parameter.name}' is read when the node is configured: "
                    "deactivate and clean up the node first"
                )
                return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)
