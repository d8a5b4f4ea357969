"""The same launch files under the stand-in and, where it is installed, under ``ros2 launch``."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from conformance.launching import STAND_IN, UPSTREAM, Launcher, missing, wait_until


@pytest.fixture(params=[STAND_IN, UPSTREAM])
def launcher(request: pytest.FixtureRequest, tmp_path: Path) -> Launcher:
    reason = missing(request.param)
    if reason:
        pytest.skip(reason)
    return Launcher(request.param, tmp_path)


def node(label: str, attributes: str = "", inside: str = "") -> str:
    return (
        f'<node pkg="conformance" exec="dump" {attributes}>'
        f'<env name="LABEL" value="{label}"/>{inside}</node>'
    )


def test_a_node_gets_name_namespace_arguments_and_remappings(launcher: Launcher) -> None:
    outcome = launcher.run(
        '<arg name="camera" default="front"/>'
        + node(
            "a",
            'name="one" namespace="robot" '
            "args=\"plain $(var camera) 'two words' --x=$(var camera)\""
            ' ros_args="--log-level debug"',
            '<remap from="image" to="/$(var camera)/image"/>',
        )
        + node("b"),
        "camera:=rear view",
    )
    assert outcome.status == 0
    first = outcome.by_label("a")
    assert first.words[:6] == [
        "plain",
        "rear view",
        "two words",
        "--x=rear view",
        "--ros-args",
        "--log-level",
    ]
    assert first.rules == {"__node": "one", "__ns": "/robot", "image": "/rear view/image"}
    assert outcome.by_label("b").rules == {}


def test_namespaces_are_joined_and_end_with_their_group(launcher: Launcher) -> None:
    outcome = launcher.run(
        "<group>"
        '<push_ros_namespace namespace="site"/>'
        + node("inherits")
        + node("relative", 'namespace="room/"')
        + node("absolute", 'namespace="/other"')
        + '<group scoped="false"><push-ros-namespace namespace="floor"/></group>'
        + node("leaked", 'name="n"')
        + "</group>"
        + node("outside", 'name="n"')
    )
    namespaces = {process.label: process.rules.get("__ns") for process in outcome.processes}
    assert namespaces == {
        "inherits": "/site",
        "relative": "/site/room",
        "absolute": "/other",
        "leaked": "/site/floor",
        "outside": None,
    }


def test_an_empty_namespace_is_that_of_the_site(launcher: Launcher) -> None:
    outcome = launcher.run(
        '<group><push_ros_namespace namespace=""/>'
        + node("top", 'name="n"', '<param name="p" value="1"/>')
        + '<push_ros_namespace namespace="site"/><push_ros_namespace namespace=""/>'
        + node("site", 'name="n"')
        + node("node", 'name="n" namespace=""')
        + "</group>"
        + node("alone", 'name="n" namespace=""')
    )
    rules = {process.label: process.rules.get("__ns") for process in outcome.processes}
    assert rules == {"top": "/", "site": "/site", "node": "/site", "alone": "/"}
    assert list(outcome.by_label("top").parameters[0]) == ["/n"]


PARAMETER_VALUES = [
    ('value="3"', 3),
    ('value="3.0"', 3.0),
    ('value="1e-3"', "1e-3"),
    ('value="1.0e-3"', 0.001),
    ('value="true"', True),
    ('value="off"', False),
    ('value="text with spaces"', "text with spaces"),
    ("value=\"'7'\"", "7"),
    ('value=""', ""),
    ('value="[1, 2]"', [1, 2]),
    ('value="[1.5, 2.5]"', [1.5, 2.5]),
    ("value=\"['a', 'b']\"", ["a", "b"]),
    ('value="a;b" value-sep=";"', ["a", "b"]),
    ('value="1;2" value-sep=";"', [1, 2]),
    ('value="$(var number)"', 42),
    ('value="$(var number).5"', 42.5),
    ('value="$(var number)" type="str"', "42"),
    ('value="7" type="str"', "7"),
    ('value="7" type="float"', 7.0),
    ('value="/dev/video0"', "/dev/video0"),
    ('value="rtsp://host:554/a?b=c"', "rtsp://host:554/a?b=c"),
]


def test_parameter_values_follow_yaml(launcher: Launcher) -> None:
    params = "".join(
        f'<param name="p{index}" {attributes}/>'
        for index, (attributes, _) in enumerate(PARAMETER_VALUES)
    )
    outcome = launcher.run('<let name="number" value="42"/>' + node("a", "", params))
    values = outcome.by_label("a").parameter_values()
    expected = {f"p{index}": value for index, (_, value) in enumerate(PARAMETER_VALUES)}
    assert values == expected
    assert {name: type(value) for name, value in values.items()} == {
        name: type(value) for name, value in expected.items()
    }


def test_parameters_nest_and_come_from_files_in_order(launcher: Launcher) -> None:
    plain = launcher.write("plain.yaml", "/**:\n  ros__parameters: {rate_hz: 10, text: $(x)}\n")
    filled = launcher.write(
        "filled.yaml",
        "/**:\n  ros__parameters: {device: $(env DEVICE none), site: '$(var site)'}\n",
    )
    outcome = launcher.run(
        '<arg name="site" default="hall"/>'
        + node(
            "a",
            'name="n" namespace="ns"',
            f'<param from="{plain}"/><param from="{filled}" allow_substs="true"/>'
            '<param name="track"><param name="gate" value="2.5"/>'
            '<param name="limits"><param name="max" value="30"/></param></param>'
            '<param name="rate_hz" value="20"/>',
        ),
        environment={"DEVICE": "/dev/ttyUSB0"},
    )
    contents = outcome.by_label("a").parameters
    assert contents[0] == {"/**": {"ros__parameters": {"rate_hz": 10, "text": "$(x)"}}}
    assert contents[1] == {
        "/**": {"ros__parameters": {"device": "/dev/ttyUSB0", "site": "hall"}},
    }
    nested = {"track.gate": 2.5, "track.limits.max": 30}
    assert contents[2] == {"/ns/n": {"ros__parameters": nested}}
    assert contents[3] == {"/ns/n": {"ros__parameters": {"rate_hz": 20}}}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("", "/**"),
        ('name="n"', "/**"),
        ('namespace="s"', "/**"),
        ('name="n" namespace="/"', "/n"),
        ('name="n" namespace="s"', "/s/n"),
    ],
)
def test_parameters_name_the_node_where_it_is_known(
    launcher: Launcher, attributes: str, expected: str
) -> None:
    outcome = launcher.run(node("a", attributes, '<param name="p" value="1"/>'))
    (content,) = outcome.by_label("a").parameters
    assert list(content) == [expected]


def test_arguments_have_defaults_descriptions_and_choices(launcher: Launcher) -> None:
    content = (
        '<arg name="sensor" default="lidar" description="what to start">'
        '<choice value="lidar"/><choice value="radar"/></arg>'
        '<arg name="copy" default="$(var sensor)_copy"/>'
        + node("a", 'args="$(var sensor) $(var copy) $(var absent fallback)"')
    )
    assert launcher.run(content).by_label("a").words[:3] == ["lidar", "lidar_copy", "fallback"]
    second = launcher.run(content, "sensor:=lidar", "sensor:=radar", "unknown:=1")
    assert second.processes[-1].words[:3] == ["radar", "radar_copy", "fallback"]
    refused = launcher.run(content, "sensor:=sonar")
    assert refused.status == 1
    assert "radar" in refused.screen + refused.errors
    assert len(launcher.processes()) == 2


def test_show_args_lists_arguments(launcher: Launcher) -> None:
    path = launcher.write(
        "outer.launch.xml",
        '<launch><arg name="site" description="namespace of the site"/>'
        '<group if="true"><arg name="rviz" default="false"/></group></launch>',
    )
    outcome = launcher.finish(launcher.start("--show-args", str(path)))
    assert outcome.status == 0
    assert "'site':\n        namespace of the site" in outcome.screen
    assert "'rviz':*\n" in outcome.screen
    assert "(default: 'false')" in outcome.screen


def test_include_hands_arguments_over_and_leaks_configurations(launcher: Launcher) -> None:
    folder = launcher.folder / "nested"
    folder.mkdir()
    (folder / "inner.launch.xml").write_text(
        '<launch><arg name="given"/><arg name="other" default="own"/>'
        '<let name="leaked" value="from $(var given)"/>'
        + node("inner $(var given)", 'args="$(var given) $(var other) $(dirname)"')
        + "</launch>"
    )
    # After an include, upstream's $(dirname) is that of the included file: not used here.
    inner = f'<include file="{folder}/inner.launch.xml"><arg name="given" value="{{}}"/></include>'
    outcome = launcher.run(
        "<group>"
        + inner.format("1")
        + "</group>"
        + inner.format("2")
        + node("outer", 'args="$(var leaked)"')
    )
    words = {process.label: process.words[:-1] for process in outcome.processes}
    assert words == {
        "inner 1": ["1", "own", str(folder)],
        "inner 2": ["2", "own", str(folder)],
        "outer": ["from 2"],
    }


def test_launch_file_of_a_package_is_found_by_name(launcher: Launcher) -> None:
    share = launcher.prefix / "share" / "conformance" / "launch"
    share.mkdir()
    (share / "by_name.launch.xml").write_text(
        "<launch>" + node("a", 'args="$(find-pkg-share conformance)"') + "</launch>"
    )
    outcome = launcher.finish(launcher.start("conformance", "by_name.launch.xml"))
    assert outcome.by_label("a").words[0] == str(share.parent)
    assert launcher.finish(launcher.start("conformance", "absent.launch.xml")).status != 0


@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        ('if="true"', True),
        ('if="0"', False),
        ('if=" TRUE "', True),
        ('unless="false"', True),
        ('unless="1"', False),
        ('if="$(not $(var yes))"', False),
        ('if="$(and $(var yes) $(var no))"', False),
        ('if="$(or $(var yes) $(var no))"', True),
        ("if=\"$(equals $(var name) 'ring road')\"", True),
        ('if="$(equals 1.0 1)"', True),
        ('unless="$(not-equals true 1)"', True),
        ('if="$(eval &quot;1 == 1&quot;)"', True),
        ("if=\"$(eval &quot;'$(var name)' != ''&quot;)\"", True),
        ("if=\"$(eval &quot;'$(var empty)' != ''&quot;)\"", False),
        ("if=\"$(eval &quot;'$(var no)' in 'true True 1'&quot;)\"", False),
        ("if=\"$(eval &quot;'$(var yes)' in 'true 1' and not False&quot;)\"", True),
    ],
)
def test_conditions(launcher: Launcher, condition: str, runs: bool) -> None:
    outcome = launcher.run(
        '<let name="yes" value="true"/><let name="no" value="false"/>'
        '<let name="name" value="ring road"/><let name="empty" value=""/>' + node("a", condition)
    )
    assert outcome.status == 0
    assert len(outcome.processes) == runs


def test_environment_changes_hold_for_later_processes_of_their_group(launcher: Launcher) -> None:
    outcome = launcher.run(
        node("before")
        + '<set_env name="MODE" value="$(env BASE none)-$(env ABSENT none)"/>'
        + '<group><unset_env name="MODE"/>'
        + node("inside", "", '<env name="OWN" value="1"/>')
        + "</group>"
        + node("after"),
        environment={"BASE": "base"},
    )
    modes = {process.label: process.environment.get("MODE") for process in outcome.processes}
    assert modes == {"before": None, "inside": None, "after": "base-none"}
    assert outcome.by_label("inside").environment["OWN"] == "1"
    assert "OWN" not in outcome.by_label("after").environment


def test_executable_splits_its_command_as_a_shell_would(launcher: Launcher) -> None:
    folder = launcher.folder / "a folder"
    folder.mkdir()
    outcome = launcher.run(
        '<let name="x" value="b c"/>'
        "<executable cmd=\"$(exec-in-pkg dump conformance) one 'two three' $(var x) y=$(var x)\""
        f' cwd="{folder}"><env name="LABEL" value="e"/></executable>'
    )
    process = outcome.by_label("e")
    assert process.words == ["one", "two three", "b c", "y=b c"]
    assert process.folder == str(folder)


def test_output_is_marked_with_the_process_and_goes_where_it_says(launcher: Launcher) -> None:
    outcome = launcher.run(
        node("shown", 'output="screen"')
        + node("logged", 'output="log" exec_name="quiet"')
        + '<log message="a message"/>'
    )
    assert "[dump-1] out of shown" in outcome.screen
    assert "[dump-1] err of shown" in outcome.screen
    assert "[quiet-2] err of logged" in outcome.screen
    assert "out of logged" not in outcome.screen
    assert "[launch.user]: a message" in outcome.screen
    logs = [path.read_text() for path in (launcher.folder / "log").rglob("launch.log")]
    assert any("out of logged" in text for text in logs)


def test_the_way_a_process_ends_does_not_change_the_exit_status(launcher: Launcher) -> None:
    outcome = launcher.run(node("a", "", '<env name="STATUS" value="3"/>'))
    assert outcome.status == 0
    assert "[ERROR] [dump-1]: process has died [pid" in outcome.screen
    assert "exit code 3, cmd '" in outcome.screen


def test_respawn_starts_a_process_again(launcher: Launcher) -> None:
    attributes = 'respawn="true" respawn_delay="0.01" respawn_max_retries="2"'
    outcome = launcher.run(node("a", attributes))
    assert [process.label for process in outcome.processes] == ["a", "a", "a"]


def test_respawn_goes_on_until_the_launch_is_ended(launcher: Launcher) -> None:
    path = launcher.write("main.launch.xml", "<launch>" + node("a", 'respawn="true"') + "</launch>")
    process = launcher.start(str(path))
    wait_until(lambda: len(launcher.processes()) >= 4)
    process.send_signal(signal.SIGINT)
    assert launcher.finish(process).status in (0, 1)


def test_the_end_of_a_node_with_on_exit_ends_the_others(launcher: Launcher) -> None:
    outcome = launcher.run(
        node("waits", "", '<env name="SLEEP" value="300"/>')
        + node("ends", 'on_exit="shutdown"', '<env name="SLEEP" value="1"/>')
    )
    assert outcome.status == 0
    assert len(outcome.processes) == 2
    assert outcome.screen.count("process has finished cleanly") == 2


def test_a_process_that_ignores_signals_is_killed_in_the_end(launcher: Launcher) -> None:
    timeouts = 'sigterm_timeout="0.3" sigkill_timeout="0.3"'
    sleep = '<env name="SLEEP" value="300"/>'
    path = launcher.write(
        "main.launch.xml",
        "<launch>"
        + node("polite", timeouts, sleep)
        + node("stubborn", timeouts, sleep + '<env name="IGNORE" value="INT"/>')
        + node("deaf", timeouts, sleep + '<env name="IGNORE" value="TERM"/>')
        + "</launch>",
    )
    process = launcher.start(str(path))
    wait_until(lambda: len(launcher.processes()) == 3)
    process.send_signal(signal.SIGINT)
    outcome = launcher.finish(process)
    assert "[dump-1]: process has finished cleanly" in outcome.screen
    assert f"exit code {-signal.SIGTERM}" in outcome.screen
    assert f"exit code {-signal.SIGKILL}" in outcome.screen


@pytest.mark.parametrize(
    "content",
    [
        '<arg name="needed"/>',
        '<let name="x" value="$(var absent)"/>',
        '<let name="x" value="$(env ABSENT_VARIABLE)"/>',
        '<let name="x" value="$(find-pkg-share absent_package)"/>',
        '<include file="absent.launch.xml"/>',
        '<node pkg="absent_package" exec="dump"/>',
        '<node pkg="conformance" exec="absent"/>',
        node("a", 'nonsense="1"'),
        node("a", 'if="maybe"'),
        node("a", 'if="true" unless="true"'),
        node("a", "", "<nonsense/>"),
        node("a", 'name="no spaces"'),
        node("a", 'namespace="not-a-namespace"'),
        node("a", 'on_exit="restart"'),
        node("a", 'respawn_delay="-1"'),
        node("a", "args=\"x '$(var absent y)'\""),
        node("a", 'args="x \'y"'),
        node("a", "", '<param value="1"/>'),
        node("a", "", '<param name="p"/>'),
        node("a", "", '<param name="p" value="[1, a]"/>'),
        node("a", "", '<param name="p" value="x" from="y"/>'),
        "<nonsense/>",
        "<node>",
    ],
)
def test_an_error_gives_exit_status_1_and_no_process(launcher: Launcher, content: str) -> None:
    outcome = launcher.run(content)
    assert outcome.status == 1
    assert outcome.processes == []
    assert outcome.screen + outcome.errors


def test_malformed_argument_is_refused(launcher: Launcher) -> None:
    assert launcher.run(node("a"), "site=hall").status == 1
    assert launcher.processes() == []


def test_signal_reaches_each_process_once(launcher: Launcher) -> None:
    """SIGINT to the runner alone ends a process that waits, and its pid is gone afterwards."""
    path = launcher.write(
        "main.launch.xml",
        "<launch>" + node("a", "", '<env name="SLEEP" value="300"/>') + "</launch>",
    )
    process = launcher.start(str(path))
    wait_until(lambda: len(launcher.processes()) == 1)
    (dump,) = launcher.dumps.glob("*.json")
    pid = int(dump.stem.split("-")[1])
    process.send_signal(signal.SIGINT)
    launcher.finish(process)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
