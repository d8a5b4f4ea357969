"""The script ``run``, on machines that lack one thing or another."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
TOOLS = ("bash", "cat", "chmod", "dirname", "env", "grep", "readlink", "sed", "sh", "sort")

# Takes the place of the tool that sets up, and writes down how it was called.
_SETUP = """
import json, os, sys
with open(os.environ["CALLS"], "a") as file:
    print(json.dumps(["setup", sys.executable, *sys.argv[1:]]), file=file)
sys.exit(int(os.environ.get("SETUP_STATUS", "0")))
"""


@dataclass
class Machine:
    """A checkout with the script in it, and a PATH with nothing but what is put there."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    def __post_init__(self) -> None:
        checkout = self.folder / "checkout"
        tool = checkout / "tools" / "ros_pip"
        tool.mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(ROOT / "run", checkout / "run")
        shutil.copy(ROOT / "tools" / "ros_pip" / "environment.bash", tool)
        (tool / "__main__.py").write_text(_SETUP)
        (checkout / ".venv" / "bin").mkdir(parents=True)
        for name in TOOLS:
            found = shutil.which(name)
            assert found is not None, name
            (self.bin / name).symlink_to(found)
        for name in ("cmake", "g++", "make"):
            self.script(name, "exit 0")
        self.script("id", "echo 0")
        self.python("python3")

    def script(self, name: str, body: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def python(self, name: str) -> None:
        # A link would make the interpreter look for its library beside the link.
        self.script(name, f'exec "{PYTHON}" "$@"')

    def without(self, *names: str) -> None:
        for name in names:
            (self.bin / name).unlink()

    def apt(self, provides: str = "") -> None:
        """apt-get that writes down its arguments and then provides a command."""
        made = f'printf "#!/bin/sh\\nexit 0\\n" > "{self.bin}/{provides}"'
        made += f'; chmod 755 "{self.bin}/{provides}"'
        log = 'echo "[\\"apt-get\\", \\"$*\\"]" >> "$CALLS"'
        provide = f'case "$*" in install*) {made};; esac' if provides else ""
        self.script("apt-get", f"{log}\n{provide}")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": str(self.bin),
            "HOME": str(self.folder),
            "CALLS": str(self.folder / "calls"),
            **self.environment,
        }
        return subprocess.run(
            [str(self.folder / "checkout" / "run"), *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def calls(self) -> list[list[str]]:
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_with_everything_there_it_only_sets_up(machine: Machine) -> None:
    machine.apt()
    done = machine.run("setup", "--no-dev")
    assert done.returncode == 0, done.stderr
    assert [[call[0], *call[2:]] for call in machine.calls()] == [["setup", "setup", "--no-dev"]]


def test_missing_system_packages_are_said_and_installed_first(machine: Machine) -> None:
    machine.without("cmake")
    machine.apt(provides="cmake")
    done = machine.run("setup")
    assert done.returncode == 0, done.stderr
    assert "installing system packages: cmake\n" in done.stderr
    assert [call[:2] for call in machine.calls()[:2]] == [
        ["apt-get", "update -q"],
        ["apt-get", "install -q -y --no-install-recommends cmake"],
    ]
    assert machine.calls()[2][0] == "setup"


def test_sudo_is_used_only_by_those_who_need_it(machine: Machine) -> None:
    machine.without("make")
    machine.apt(provides="make")
    machine.script("id", "echo 1000")
    refused = machine.run("setup")
    assert refused.returncode == 1
    assert "sudo not found; install these as root: apt-get install make" in refused.stderr
    assert machine.calls() == []
    machine.script("sudo", 'echo "[\\"sudo\\"]" >> "$CALLS"; exec "$@"')
    assert machine.run("setup").returncode == 0
    assert [call[0] for call in machine.calls()] == ["sudo", "apt-get", "sudo", "apt-get", "setup"]


def test_without_apt_the_missing_packages_are_named(machine: Machine) -> None:
    machine.without("cmake", "g++")
    done = machine.run("setup")
    assert done.returncode == 1
    assert "no apt-get; install these by its own means: cmake g++" in done.stderr


def test_a_package_that_apt_cannot_install_is_named(machine: Machine) -> None:
    machine.without("cmake")
    machine.script("apt-get", 'case "$*" in install*) exit 100;; esac')
    done = machine.run("setup")
    assert done.returncode == 1
    assert "apt-get could not install: cmake" in done.stderr
    assert machine.calls() == []


def test_without_python_it_asks_apt_and_says_what_the_others_lack(machine: Machine) -> None:
    machine.without("python3")
    machine.script("python3.12", "exit 1")
    machine.apt()
    done = machine.run("setup")
    assert done.returncode == 1
    assert f"{machine.bin}/python3.12 does not run" in done.stderr
    assert "installing system packages: python3 python3-venv python3-dev\n" in done.stderr
    assert "no suitable Python; name one with venv and headers" in done.stderr


def test_the_newest_suitable_python_is_taken(machine: Machine) -> None:
    machine.script("python3.12", "exit 1")
    machine.script("python3.11", f'echo chosen >&2; exec "{PYTHON}" "$@"')
    done = machine.run("setup")
    assert done.returncode == 0
    assert "chosen" in done.stderr


def test_a_python_of_ones_own_must_exist_and_suit(machine: Machine) -> None:
    machine.environment["GAIT_REID_PYTHON"] = "/nowhere/python"
    absent = machine.run("setup")
    assert absent.returncode == 1
    assert absent.stderr == "error: GAIT_REID_PYTHON=/nowhere/python: not found\n"
    machine.environment["GAIT_REID_PYTHON"] = "cmake"
    machine.script("cmake", "exit 1")
    unsuitable = machine.run("setup")
    assert unsuitable.returncode == 1
    assert unsuitable.stderr == "error: GAIT_REID_PYTHON=cmake does not run\n"
    assert machine.calls() == []


def test_with_ros_sourced_the_interpreter_must_know_it(machine: Machine) -> None:
    machine.environment.update(ROS_DISTRO="jazzy", AMENT_PREFIX_PATH="/opt/ros/jazzy")
    machine.apt()
    done = machine.run("setup")
    assert done.returncode == 1
    assert "has no module rclpy" in done.stderr
    machine.environment["GAIT_REID_ROS"] = "wheels"
    assert machine.run("setup").returncode == 0


def test_exec_enters_the_environment_and_hands_status_and_arguments_on(machine: Machine) -> None:
    machine.environment["_ROS_WHEELS_BOOTSTRAP_COMPLETE"] = "1"
    machine.environment["MALLOC_TRIM_THRESHOLD_"] = "1"
    code = 'env; printf "<%s>" "$@"; exit 7'
    done = machine.run("exec", "sh", "-c", code, "sh", "two words", "")
    assert done.returncode == 7
    assert done.stdout.endswith("<two words><>")
    variables = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    checkout = machine.folder / "checkout"
    assert variables["VIRTUAL_ENV"] == variables["AMENT_PREFIX_PATH"] == f"{checkout}/.venv"
    assert variables["PATH"].startswith(f"{checkout}/.venv/bin:")
    profile = f"{checkout}/launch/config/fastdds_shm.xml"
    assert variables["FASTDDS_DEFAULT_PROFILES_FILE"] == profile
    assert variables["FASTRTPS_DEFAULT_PROFILES_FILE"] == profile
    assert variables["MALLOC_MMAP_THRESHOLD_"] == "268435456"
    assert variables["MALLOC_TRIM_THRESHOLD_"] == "1"
    assert variables["GAIT_REID_ROS"] == "wheels"
    assert "_ROS_WHEELS_BOOTSTRAP_COMPLETE" not in variables
    assert machine.calls()[0][2:] == ["setup", "--no-dev", "--tolerant"]


def test_shell_runs_after_the_users_own_settings(machine: Machine) -> None:
    (machine.folder / ".bashrc").write_text("export PATH=/mine:$PATH MINE=1\n")
    done = machine.run("shell", "-i", "-c", 'echo "$MINE $PATH"')
    venv = machine.folder / "checkout" / ".venv" / "bin"
    assert done.stdout.startswith(f"1 {venv}:/mine:")


def test_nothing_runs_when_the_setup_fails(machine: Machine) -> None:
    machine.environment["SETUP_STATUS"] = "1"
    done = machine.run("exec", "echo", "ran")
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize("words", [(), ("help",), ("--help",)])
def test_help_lists_the_commands_and_sets_nothing_up(
    machine: Machine, words: tuple[str, ...]
) -> None:
    done = machine.run(*words)
    assert done.returncode == 0
    for command in ("setup", "demo", "test", "exec", "shell", "bench", "lint"):
        assert f"\n  {command} " in done.stdout
    assert machine.calls() == []


def test_unknown_and_incomplete_commands_are_refused(machine: Machine) -> None:
    unknown = machine.run("tset")
    assert unknown.returncode == 1
    assert unknown.stderr.endswith("error: tset: no such command\n")
    assert "no command given" in machine.run("exec").stderr
    assert machine.calls() == []


def test_test_and_demo_stay_on_this_machine(machine: Machine) -> None:
    venv = machine.folder / "checkout" / ".venv" / "bin"
    for name in ("gait-reid", "python"):
        path = venv / name
        path.write_text('#!/bin/sh\necho "$ROS_AUTOMATIC_DISCOVERY_RANGE $*"\n')
        path.chmod(0o755)
    assert machine.run("demo", "--video", "x.mp4").stdout == "LOCALHOST demo --video x.mp4\n"
    assert machine.run("test", "-k", "x").stdout == "LOCALHOST -m pytest -k x\n"
    assert [call[2:] for call in machine.calls()] == [
        ["setup", "--no-dev"],
        ["setup", "--try-training"],
    ]
    machine.environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "SUBNET"
    assert machine.run("test", "-k", "x").stdout == "SUBNET -m pytest -k x\n"


def test_what_a_binding_says_at_the_end_does_not_hide_the_summary(machine: Machine) -> None:
    python = machine.folder / "checkout" / ".venv" / "bin" / "python"
    leaks = "nanobind: leaked 2 types!\\n - leaked type x\\n - ... skipped remainder\\n"
    python.write_text(f'#!/bin/sh\necho "1 passed"\nprintf "{leaks}a warning\\n" >&2\nexit 3\n')
    python.chmod(0o755)
    done = machine.run("test", "x")
    assert (done.returncode, done.stdout, done.stderr) == (1, "1 passed\n", "a warning\n")


def test_lint_runs_before_all_tests_and_counts(machine: Machine) -> None:
    venv = machine.folder / "checkout" / ".venv" / "bin"
    for name, status in (("ruff", 0), ("mypy", 1), ("python", 0)):
        path = venv / name
        path.write_text(f'#!/bin/sh\necho "{name} $*"\nexit {status}\n')
        path.chmod(0o755)
    done = machine.run("test")
    assert done.stdout.splitlines() == [
        "ruff check .",
        "ruff format --check .",
        "mypy ",
        "python -m pytest",
    ]
    assert done.returncode == 1
    assert machine.run("lint").returncode == 1
    (venv / "mypy").write_text("#!/bin/sh\nexit 0\n")
    assert machine.run("test").returncode == 0
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
