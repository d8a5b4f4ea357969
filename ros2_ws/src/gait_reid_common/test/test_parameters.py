from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gait_reid_common.parameter_text import markdown_table, to_yaml
from gait_reid_common.parameters import (
    ParameterError,
    UnknownParameterError,
    from_mapping,
    param,
    parameters_of,
    to_mapping,
    validate,
)


@dataclass(frozen=True)
class GateConfig:
    height_m: float = param(1.7, "Height of a person", "m", minimum=0.5, maximum=2.5)
    method: str = param("grid", "How to cluster", choices=("grid", "tree"))

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class NodeParameters:
    rate_hz: float = param(10.0, "Rate", "Hz", minimum=0.0, read_only=True)
    enabled: bool = param(True, "Whether to work")
    names: tuple[str, ...] = param((), "Names")
    offset_m: tuple[float, float, float] = param((0.0, 0.0, 1.0), "Mount | pole", "m")
    retries: int = param(3, "Attempts", minimum=0)
    gate: GateConfig = field(default_factory=GateConfig)

    def __post_init__(self) -> None:
        validate(self)


def test_defaults_and_dotted_and_nested_names_agree() -> None:
    assert from_mapping(NodeParameters, {}) == NodeParameters()
    dotted = from_mapping(NodeParameters, {"gate.height_m": 1.8, "names": ["a", "b"]})
    assert dotted == from_mapping(NodeParameters, {"gate": {"height_m": 1.8}, "names": ("a", "b")})
    assert dotted.gate.height_m == 1.8
    assert dotted.names == ("a", "b")


def test_integer_is_taken_for_a_double() -> None:
    value = from_mapping(NodeParameters, {"rate_hz": 20, "offset_m": [1, 0, 2]})
    assert (value.rate_hz, value.offset_m) == (20.0, (1.0, 0.0, 2.0))
    assert isinstance(value.rate_hz, float)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("rate_hz", -1.0, "at least 0"),
        ("rate_hz", "fast", "double"),
        ("rate_hz", math.nan, "double"),
        ("retries", 2.5, "integer"),
        ("retries", True, "integer"),
        ("enabled", 1, "bool"),
        ("names", "abc", "string list"),
        ("offset_m", [0.0, 1.0], "double list of 3"),
        ("gate.height_m", 3.0, "0.5 to 2.5"),
        ("gate.method", "magic", '"grid" | "tree"'),
    ],
)
def test_wrong_value_names_key_value_and_what_is_allowed(
    key: str, value: object, allowed: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        from_mapping(NodeParameters, {key: value})
    message = str(caught.value)
    assert f"'{key}'" in message
    assert repr(value) in message
    assert allowed in message


def test_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UnknownParameterError, match="did you mean 'gate.height_m'"):
        from_mapping(NodeParameters, {"gate.heigth_m": 1.7})


def test_constructor_validates_too() -> None:
    with pytest.raises(ParameterError, match="height_m"):
        GateConfig(height_m=9.0)


def test_undeclared_field_and_unsupported_type_are_programming_errors() -> None:
    @dataclass(frozen=True)
    class Bare:
        value: float = 1.0

    @dataclass(frozen=True)
    class Mapping:
        value: dict[str, int] = param(None, "x")

    with pytest.raises(TypeError, match=r"Bare\.value"):
        parameters_of(Bare)
    with pytest.raises((TypeError, NameError)):
        parameters_of(Mapping)


def test_yaml_holds_every_default_and_its_unit() -> None:
    text = to_yaml(NodeParameters, "/**/tracker")
    loaded = yaml.safe_load(text)["/**/tracker"]["ros__parameters"]
    assert from_mapping(NodeParameters, loaded) == NodeParameters()
    assert "rate_hz: 10.0  # [Hz] Rate (at least 0)" in text
    assert "    # names: []" in text


def test_markdown_table_has_one_row_per_parameter_and_escapes_bars() -> None:
    lines = markdown_table(NodeParameters).splitlines()
    assert len(lines) == 2 + len(parameters_of(NodeParameters))
    assert all(line.replace("\\|", "").count("|") == 7 for line in lines if "Mount" not in line)


@given(
    st.builds(
        GateConfig,
        height_m=st.floats(0.5, 2.5),
        method=st.sampled_from(("grid", "tree")),
    )
)
def test_mapping_round_trip(config: GateConfig) -> None:
    assert from_mapping(GateConfig, to_mapping(config)) == config


@dataclass(frozen=True)
class Patient:
    """A group whose defaults are its owner's."""

    wait_s: float = param(1.0, "How long to wait", "s", 0.0, 10.0)
    tries: int = param(3, "How often to try", "", 1, 9)

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class Owner:
    usual: Patient = field(default_factory=Patient)
    slow: Patient = field(default_factory=lambda: Patient(wait_s=8.0))

    def __post_init__(self) -> None:
        validate(self)


def test_the_values_of_a_groups_factory_are_the_defaults() -> None:
    defaults = {info.key: info.default for info in parameters_of(Owner)}
    assert defaults == {"usual.wait_s": 1.0, "usual.tries": 3, "slow.wait_s": 8.0, "slow.tries": 3}
    assert from_mapping(Owner, {}) == Owner()
    assert from_mapping(Owner, {"slow.tries": 5}).slow == Patient(wait_s=8.0, tries=5)
