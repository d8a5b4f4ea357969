"""What the launch stand-in does beyond, or more strictly than, ``ros2 launch``."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
from conformance.launching import STAND_IN, Launcher, wait_until
from hypothesis import given
from hypothesis import strategies as st

from gait_reid_launch.console import Console
from gait_reid_launch.context import Context
from gait_reid_launch.errors import LaunchError
from gait_reid_launch.processes import ProcessDescription
from gait_reid_launch.substitutions import expand_words, substitute
from gait_reid_launch.transport import with_transport


@pytest.fixture
def launcher(tmp_path: Path) -> Launcher:
    return Launcher(STAND_IN, tmp_path)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    result = Context({"HOME": "/home/x"}, tmp_path / "main.launch.xml", tmp_path)
    result.configurations.update(a="1", b="two words", key="a")
    return result


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "zombie" not in Path(f"/proc/{pid}/status").read_text()


def sleeper(attributes: str = "", ignore: str = "") -> str:
    return (
        f'<node pkg="conformance" exec="dump" {attributes}><env name="SLEEP" value="300"/>'
        f'<env name="IGNORE" value="{ignore}"/></node>'
    )


def start_sleepers(launcher: Launcher, *sleepers: str):  # type: ignore[no-untyped-def]
    path = launcher.write("main.launch.xml", f"<launch>{''.join(sleepers)}</launch>")
    process = launcher.start(str(path))
    wait_until(lambda: len(launcher.processes()) == len(sleepers))
    pids = [int(dump.stem.split("-")[1]) for dump in launcher.dumps.glob("*.json")]
    assert all(map(alive, pids))
    return process, pids


def test_sigterm_ends_every_process_in_order(launcher: Launcher) -> None:
    process, pids = start_sleepers(launcher, sleeper(), sleeper())
    process.terminate()
    outcome = launcher.finish(process)
    assert outcome.screen.count("process has finished cleanly") == 2
    assert not any(map(alive, pids))


def test_a_killed_runner_leaves_no_process(launcher: Launcher) -> None:
    process, pids = start_sleepers(launcher, sleeper(), sleeper(ignore="INT"))
    process.kill()
    process.communicate()
    wait_until(lambda: not any(map(alive, pids)))


def test_a_second_interrupt_changes_nothing(launcher: Launcher) -> None:
    process, pids = start_sleepers(launcher, sleeper('sigterm_timeout="1"', ignore="INT"))
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    outcome = launcher.finish(process)
    assert "sending SIGTERM" in outcome.screen
    assert not any(map(alive, pids))


def test_parameter_files_go_when_the_launch_ends(launcher: Launcher) -> None:
    outcome = launcher.run(
        '<node pkg="conformance" exec="dump"><param name="p" value="1"/></node>',
        environment={"TMPDIR": str(launcher.folder)},
    )
    assert outcome.processes[0].parameters == [{"/**": {"ros__parameters": {"p": 1}}}]
    assert not list(launcher.folder.glob("launch_params_*"))


def test_a_process_that_cannot_be_started_is_named_and_gives_exit_status_1(
    launcher: Launcher,
) -> None:
    outcome = launcher.run('<executable cmd="/nowhere/at/all --flag"/>')
    assert outcome.status == 1
    assert "[all-1]: cannot start '/nowhere/at/all'" in outcome.screen


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '\n<let name="x" value="$(eval 1+1)"/>',
            "main.launch.xml:2: <let>: $(eval 1+1) cannot be used without ROS 2's launch: only "
            "comparisons of constants",
        ),
        ("<let name='x' value='$(eval \"open(1)\")'/>", "open(1) is neither"),
        ('<let name="x" value="$(command ls)"/>', "$(command ...) cannot be used"),
        ('<timer period="1"/>', "this element cannot be used without ROS 2's launch"),
        ('<node pkg="conformance" exec="dmp"/>', "no executable 'dmp'"),
        ('<node pkg="conformance" exec="dmp"/>', "it has: dump"),
        ('<arg name="site" description="its name"/>', "the argument site:=... (its name)"),
        ('<node pkg="conformance" exec="dump"><param from="/no.yaml"/></node>', "/no.yaml does"),
        ('<node pkg="conformance" exec="dump" output="loud"/>', "output='loud' is none of log,"),
        ('<node pkg="conformance" exec="dump" respawn_delay="x"/>', "respawn_delay='x' is not"),
        ('<let name="x" value="$(var y"/>', "no closing parenthesis"),
        ('<executable cmd="x" shell="true"/>', "shell='true' cannot be used"),
        ('<executable cmd=""/>', "cmd is empty"),
        ('<include file="/some/where.launch.py"/>', "only XML launch files"),
        ("<node>", "main.launch.xml:1: mismatched tag"),
    ],
)
def test_errors_say_where_what_and_what_is_possible(
    launcher: Launcher, content: str, message: str
) -> None:
    outcome = launcher.run(content)
    assert outcome.status == 1
    assert message in outcome.errors
    assert "Traceback" not in outcome.errors


def test_show_args_follows_includes_relative_to_the_file(launcher: Launcher) -> None:
    launcher.write(
        "inner.launch.xml",
        '<launch><arg name="inner"/><arg name="given" default="0"/></launch>',
    )
    path = launcher.write(
        "outer.launch.xml",
        '<launch><include file="$(dirname)/inner.launch.xml"><arg name="given" value="1"/>'
        '</include><include file="$(var late)/x.launch.xml"/></launch>',
    )
    screen = launcher.finish(launcher.start("-s", str(path))).screen
    assert "'inner':" in screen
    assert "'given':" not in screen


def test_output_of_any_length_arrives_whole(launcher: Launcher) -> None:
    code = "print('x' * 300000); print('end', end='')"
    script = launcher.write("long.py", code)
    python = launcher.environment().get("PYTHON", "python3")
    outcome = launcher.run(f'<executable cmd="{python} {script}" output="screen"/>')
    assert f"] {'x' * 300000}\n" in outcome.screen
    assert "] end\n" in outcome.screen


def test_all_output_can_be_shown(launcher: Launcher) -> None:
    path = launcher.write(
        "main.launch.xml",
        '<launch><node pkg="conformance" exec="dump"><env name="LABEL" value="x"/></node></launch>',
    )
    outcome = launcher.finish(launcher.start("--show-all-subprocesses-output", str(path)))
    assert "[dump-1] out of x" in outcome.screen


def test_without_a_writable_log_folder_it_runs_on_and_says_so(launcher: Launcher) -> None:
    blocked = launcher.write("blocked", "a file, no folder")
    outcome = launcher.run(
        '<node pkg="conformance" exec="dump"/>', environment={"ROS_LOG_DIR": str(blocked)}
    )
    assert outcome.status == 0
    assert "[WARNING] [launch]: no log files" in outcome.screen


def test_transport_variables_are_set_where_they_are_not() -> None:
    environment = with_transport({"MALLOC_TRIM_THRESHOLD_": "1"})
    assert environment["MALLOC_MMAP_THRESHOLD_"] == "268435456"
    assert environment["MALLOC_TRIM_THRESHOLD_"] == "1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$(var a)$(var b)", "1two words"),
        ("$(var $(var key))", "1"),
        ("$(var absent 'a default')", "a default"),
        ("$(env HOME)/y", "/home/x/y"),
        (r"\$(var a)", "$(var a)"),
        ("$5 and $ (var a)", "$5 and $ (var a)"),
        ("$(not $(equals $(var b) 'two words'))", "false"),
        ("$(equals a b)$(equals 1 1.0)$(equals True true)", "falsetruetrue"),
    ],
)
def test_substitutions(context: Context, text: str, expected: str) -> None:
    assert substitute(text, context) == expected


@given(st.text())
def test_any_text_is_substituted_or_refused(text: str) -> None:
    context = Context({}, Path("/x.launch.xml"), Path("/"))
    for function in (substitute, expand_words):
        with contextlib.suppress(LaunchError):
            function(text, context)


@given(st.text(alphabet=st.characters(exclude_characters="\\$")))
def test_text_without_substitutions_stays_as_it_is(text: str) -> None:
    assert substitute(text, Context({}, Path("/x.launch.xml"), Path("/"))) == text


def test_descriptions_refuse_what_cannot_run() -> None:
    with pytest.raises(ValueError, match="the command is empty"):
        ProcessDescription("x-1", (), {})


def test_own_log_and_full_write_files_per_process(tmp_path: Path) -> None:
    console = Console(tmp_path / "log")
    console.output("n-1", "stdout", "own_log", "one")
    console.output("n-1", "stderr", "full", "two")
    console.close()
    contents = {path.name: path.read_text() for path in (tmp_path / "log").iterdir()}
    assert contents["n-1.log"] == "one\ntwo\n"
    assert contents["n-1-stdout.log"] == "one\n"
    assert contents["n-1-stderr.log"] == "two\n"
    assert contents["launch.log"].endswith("[n-1] two\n")
