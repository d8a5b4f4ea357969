"""The tool that makes the environment: its decisions, without installing anything."""

from __future__ import annotations

import fcntl
import os
import re
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ros_pip import cmake_files, extras, host, install, stamp, workspace
from ros_pip.cli import only_one
from ros_pip.console import SetupError
from ros_pip.installer import Installer, parse_pip_configuration, translate_for_uv
from ros_pip.layout import Layout
from ros_pip.lock import for_linux
from ros_pip.ros import Ros, find_ros

MESSAGES = "set(_Python_INCLUDE /opt/python/cp311-cp311/include/python3.11)\n"
NUMPY = "set(_numpy /opt/python/cp313-cp313t/lib/python3.13t/site-packages/numpy/_core/include)\n"


def test_foreign_paths_are_replaced_and_nothing_else(tmp_path: Path) -> None:
    exported = tmp_path / "share" / "a" / "cmake" / "export.cmake"
    exported.parent.mkdir(parents=True)
    exported.write_text(MESSAGES + NUMPY + "set(kept /opt/python-tools)\n")
    (tmp_path / "share" / "notes.txt").write_text(MESSAGES)
    repaired = cmake_files.repair_tree(tmp_path / "share", Path("/inc"), Path(r"/v/\1/site"))
    assert repaired == 1
    assert exported.read_text() == (
        "set(_Python_INCLUDE /inc)\n"
        "set(_numpy /v/\\1/site/numpy/_core/include)\n"
        "set(kept /opt/python-tools)\n"
    )
    assert (tmp_path / "share" / "notes.txt").read_text() == MESSAGES
    assert cmake_files.repair_tree(tmp_path / "share", Path("/inc"), Path("/site")) == 0


def test_repair_leaves_a_hard_linked_original_alone(tmp_path: Path) -> None:
    original = tmp_path / "cache.cmake"
    original.write_text(MESSAGES)
    (tmp_path / "share").mkdir()
    os.link(original, tmp_path / "share" / "export.cmake")
    cmake_files.repair_tree(tmp_path / "share", Path("/inc"), Path("/site"))
    assert original.read_text() == MESSAGES


@pytest.mark.parametrize("version", [(3, 9), (3, 15), (2, 7), (4, 0)])
def test_unsupported_interpreters_are_named(version: tuple[int, int]) -> None:
    with pytest.raises(SetupError, match=rf"Python {version[0]}\.{version[1]} .*GAIT_REID_PYTHON"):
        host.check_python(version)


@pytest.mark.parametrize("version", [(3, 10), (3, 12), (3, 14)])
def test_supported_interpreters_pass(version: tuple[int, int]) -> None:
    host.check_python(version)


@pytest.mark.parametrize(
    ("machine", "system"), [("aarch64", "Linux"), ("arm64", "Darwin"), ("AMD64", "Windows")]
)
def test_machines_without_wheels_are_sent_to_apt_or_docker(machine: str, system: str) -> None:
    with pytest.raises(SetupError, match=f"{system} {machine}.*apt or docker"):
        host.check_architecture(machine, system)


def test_x86_64_linux_has_wheels() -> None:
    host.check_architecture("x86_64", "Linux")


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=rf"{tmp_path} has \d+ MiB free, and .* needs 10{9:09d}"):
        host.check_space(tmp_path, 10**10 + 9)
    host.check_space(tmp_path, 1)


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make = tmp_path / "make"
    make.write_text("#!/bin/sh\n")
    make.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match=r"^cmake, g\+\+ not found.*apt-get install cmake g\+\+"):
        host.check_build_tools()


def test_missing_python_headers_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(host.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(host.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    with pytest.raises(SetupError, match=r"Python\.h not found.*python3-dev"):
        host.check_build_tools()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "wheels"),
        ({"ROS_DISTRO": "jazzy"}, "wheels"),
        ({"ROS_DISTRO": "jazzy", "AMENT_PREFIX_PATH": "/opt/ros/jazzy"}, "jazzy"),
        ({"ROS_DISTRO": "humble", "AMENT_PREFIX_PATH": "/opt/ros/humble"}, "humble"),
        ({"AMENT_PREFIX_PATH": "/checkout/.venv"}, "wheels"),
        ({"GAIT_REID_ROS": "wheels", "ROS_DISTRO": "jazzy", "AMENT_PREFIX_PATH": "/x"}, "wheels"),
    ],
)
def test_which_ros_is_used(environment: dict[str, str], expected: str) -> None:
    assert find_ros(environment).distribution == expected


def test_children_inherit_neither_another_environment_nor_its_guard() -> None:
    environment = {
        "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1",
        "PYTHONPATH": "/elsewhere",
        "PIP_USER": "1",
        "VIRTUAL_ENV": "/elsewhere",
        "AMENT_PREFIX_PATH": "/elsewhere",
        "PIP_FIND_LINKS": "/wheels",
        "HOME": "/home/x",
    }
    assert Ros("wheels").environment(environment) == {
        "PIP_FIND_LINKS": "/wheels",
        "HOME": "/home/x",
    }
    beside = Ros("jazzy").environment(environment)
    assert beside["PYTHONPATH"] == beside["AMENT_PREFIX_PATH"] == "/elsewhere"
    assert "_ROS_WHEELS_BOOTSTRAP_COMPLETE" not in beside


def test_pip_configuration_is_read_with_its_precedence() -> None:
    listing = (
        ":env:.find-links='/from/environment'\n"
        "global.extra-index-url='https://a.example/simple https://b.example/simple'\n"
        "global.find-links='/from/file'\n"
        "install.no-index='true'\n"
        "freeze.timeout='10'\n"
        "nonsense\n"
    )
    assert parse_pip_configuration(listing) == {
        "find-links": "/from/environment",
        "extra-index-url": "https://a.example/simple https://b.example/simple",
        "no-index": "true",
    }


def test_pip_configuration_is_translated_for_uv() -> None:
    configuration = translate_for_uv(
        {
            "index-url": "https://a.example/simple",
            "extra-index-url": "https://b.example/simple https://c.example/simple",
            "find-links": "/wheels",
            "trusted-host": "a.example",
            "cert": "/ca.pem",
            "proxy": "http://proxy:8080",
            "no-index": "false",
            "timeout": "60",
        }
    )
    assert configuration.arguments == [
        *["--index-strategy", "unsafe-best-match"],
        *["--default-index", "https://a.example/simple"],
        *["--extra-index-url", "https://b.example/simple"],
        *["--extra-index-url", "https://c.example/simple"],
        *["--find-links", "/wheels", "--allow-insecure-host", "a.example"],
    ]
    assert configuration.environment["SSL_CERT_FILE"] == "/ca.pem"
    assert configuration.environment["HTTPS_PROXY"] == "http://proxy:8080"
    assert configuration.untranslatable == []
    assert "--no-index" in translate_for_uv({"no-index": "1"}).arguments


def test_what_uv_cannot_be_told_is_left_to_pip() -> None:
    assert translate_for_uv({"client-cert": "/me.pem"}).untranslatable == ["client-cert"]


def test_packages_that_cannot_be_had_are_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any index, as on a machine without a network, pip finds and changes nothing."""
    pytest.importorskip("pip")
    python = Path(sys.executable)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    requirement = tmp_path / "installer.txt"
    requirement.write_text("uv==0.0.0\n")
    with pytest.raises(SetupError, match="Nothing can be downloaded.*network reachable"):
        Installer(python, Ros("wheels"), requirement)
    beside = Installer(python, Ros("jazzy"), requirement)
    with pytest.raises(SetupError, match="The parts could not be installed"):
        beside.install(["absent-package-of-no-name"], "The parts")


@given(st.lists(st.text()), st.lists(st.text()))
def test_digests_of_different_parts_differ(one: list[str], two: list[str]) -> None:
    assert (stamp.digest(one) == stamp.digest(two)) == (one == two)


def test_a_stamp_that_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "stamp.json"
    assert stamp.read(path) == {}
    stamp.write(path, {"key": "1"})
    assert stamp.read(path) == {"key": "1"}
    path.write_text('{"key": ')
    assert stamp.read(path) == {}
    assert list(path.parent.iterdir()) == [path]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.requirements.mkdir(parents=True)
    for name in ("ros", "runtime", "dev", "constraints", "training", "tensorrt"):
        (made.requirements / f"{name}.txt").write_text(f"# {name}\n")
    return made


def test_environment_key_follows_requirements_and_ros(layout: Layout) -> None:
    key = install.environment_key(layout, Ros("wheels"))
    assert install.environment_key(layout, Ros("wheels")) == key
    assert install.environment_key(layout, Ros("jazzy")) != key
    built = install.build_key(layout, Ros("wheels"))
    (layout.requirements / "constraints.txt").write_text("pytest==9.0.0\n")
    assert install.environment_key(layout, Ros("wheels")) != key
    assert install.build_key(layout, Ros("wheels")) == built
    (layout.requirements / "constraints.txt").write_text("numpy==2.4.6\n")
    assert install.build_key(layout, Ros("wheels")) != built


def test_extra_layers_are_outside_the_environment_key(layout: Layout) -> None:
    ros = Ros("wheels")
    key, extra = install.environment_key(layout, ros), extras.extra_key(layout, ros, "training")
    (layout.requirements / "training.txt").write_text("torch==9.9.9\n")
    assert install.environment_key(layout, ros) == key
    assert extras.extra_key(layout, ros, "training") != extra


def test_an_extra_layer_that_cannot_be_had_is_said_once_and_insisted_on_again(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried: list[str] = []
    to_be_had: set[str] = set()

    def fill(layout: Layout, ros: Ros, name: str) -> None:
        tried.append(name)
        if name not in to_be_had:
            raise SetupError(f"no {name} for this machine.")

    monkeypatch.setattr(extras, "_install", fill)
    ros = Ros("wheels")
    for _ in range(2):
        assert extras.ensure_extras(layout, ros, ["training"], insist=False) == ["training"]
    assert tried == ["training"]
    assert "warning: training: no training for this machine. What needs" in capsys.readouterr().err
    with pytest.raises(SetupError, match="^training: no training for this machine"):
        extras.ensure_extras(layout, ros, ["training", "tensorrt"], insist=True)
    assert tried.pop() == "tensorrt"
    to_be_had.add("training")
    for _ in range(2):
        assert extras.ensure_extras(layout, ros, ["training"], insist=True) == []
    assert tried == ["training"] * 3
    (layout.requirements / "training.txt").write_text("torch==9.9.9\n")
    assert extras.ensure_extras(layout, ros, ["training"], insist=False) == []
    assert tried == ["training"] * 4


class InterruptError(Exception):
    pass


def test_an_interrupted_installation_is_never_taken_for_done(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []
    outcome: list[Exception] = []

    def fill(self: object, layers: list[str]) -> None:
        calls.append(list(layers))
        if outcome:
            raise outcome.pop()

    def make(layout: Layout, ros: Ros) -> None:
        layout.python.parent.mkdir(parents=True, exist_ok=True)
        layout.python.touch()

    monkeypatch.setattr(install, "_check_host", lambda *_: None)
    monkeypatch.setattr(install, "_make_venv", make)
    monkeypatch.setattr(install._Environment, "install", fill)
    ros = Ros("wheels")
    assert install.ensure_installed(layout, ros, install.RUN_TIME_LAYERS)
    assert not install.ensure_installed(layout, ros, install.RUN_TIME_LAYERS)
    outcome.append(InterruptError())
    with pytest.raises(InterruptError):
        install.ensure_installed(layout, ros, install.ALL_LAYERS)
    assert not layout.installed_stamp.exists()
    assert install.ensure_installed(layout, ros, install.RUN_TIME_LAYERS)
    assert install.ensure_installed(layout, ros, install.ALL_LAYERS)
    assert not install.ensure_installed(layout, ros, install.RUN_TIME_LAYERS)
    assert [call[-1] for call in calls] == ["runtime", "dev", "runtime", "dev"]
    layout.python.unlink()
    assert install.ensure_installed(layout, ros, install.RUN_TIME_LAYERS)


def make_package(source: Path, name: str) -> Path:
    folder = source / name
    folder.mkdir(parents=True)
    (folder / "package.xml").write_text(f"<package><name>{name}</name></package>")
    (folder / "setup.py").write_text("")
    return folder


def test_packages_are_found_by_the_name_in_their_description(tmp_path: Path) -> None:
    folder = make_package(tmp_path, "a")
    (tmp_path / "linked").symlink_to(make_package(tmp_path / "elsewhere", "b"))
    assert workspace.find_packages(tmp_path) == {"a": folder, "b": tmp_path / "linked"}
    (folder / "package.xml").write_text("<package>")
    with pytest.raises(SetupError, match=r"a/package\.xml: no element|mismatched"):
        workspace.find_packages(tmp_path)
    (folder / "package.xml").write_text("<package/>")
    with pytest.raises(SetupError, match="has no <name>"):
        workspace.find_packages(tmp_path)


def test_source_key_changes_with_what_a_build_depends_on(tmp_path: Path) -> None:
    folder = make_package(tmp_path, "a")
    (folder / "a").mkdir()
    (folder / "msg").mkdir()
    (folder / "a" / "code.py").write_text("x = 1\n")
    (folder / "msg" / "M.msg").write_text("int32 x\n")
    (folder / "site.yaml").write_text("a: 1\n")

    def key() -> str:
        return workspace.source_key(folder, "environment")

    first = key()
    (folder / "a" / "code.py").write_text("x = 2\n")
    (folder / "a" / "more.py").touch()
    (folder / "site.yaml").write_text("a: 2\n")
    (folder / "test").mkdir()
    (folder / "test" / "data.bin").touch()
    assert key() == first
    (folder / "manifest.yaml").write_text("models: []")
    listed = key()
    (folder / "manifest.yaml").write_text("models: [{name: other}]")
    assert key() != listed
    (folder / "manifest.yaml").unlink()
    assert workspace.source_key(folder, "another") != first
    changes = [("msg/M.msg", "int32 y\n"), ("package.xml", "<x/>"), ("new.launch.xml", "")]
    seen = {first}
    for name, text in changes:
        (folder / name).write_text(text)
        assert key() not in seen
        seen.add(key())


def test_only_changed_packages_are_built_and_failures_are_tried_again(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = layout.workspace / "src"
    for name in ("a", "b", "c"):
        make_package(source, name)
    built: list[list[str]] = []
    broken: set[str] = {"b"}

    def build(layout: Layout, ros: Ros, packages: list[str]) -> list[str]:
        built.append(list(packages))
        return [name for name in packages if name not in broken]

    monkeypatch.setattr(workspace, "_build", build)
    stamp.write(layout.installed_stamp, {"key": "k", "base": ["1"]})
    ros = Ros("wheels")
    with pytest.raises(SetupError, match=r"^b cannot be built"):
        workspace.ensure_built(layout, ros)
    broken.clear()
    assert workspace.ensure_built(layout, ros)
    assert not workspace.ensure_built(layout, ros)
    (source / "c" / "setup.py").write_text("# changed")
    assert workspace.ensure_built(layout, ros)
    assert built == [["a", "b", "c"], ["b"], ["c"]]

    (layout.workspace / "install" / "c").mkdir(parents=True)
    (source / "c" / "package.xml").unlink()
    assert workspace.ensure_built(layout, ros)
    assert not (layout.workspace / "install" / "c").exists()

    (layout.workspace / "build" / "a").mkdir(parents=True)
    stamp.write(layout.installed_stamp, {"key": "k", "base": ["2"]})
    assert workspace.ensure_built(layout, ros)
    assert built[3:] == [["a", "b"]]
    assert not (layout.workspace / "build").exists()


def test_setups_of_one_checkout_wait_for_each_other(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    entered = threading.Event()

    def second() -> None:
        with only_one(lock):
            entered.set()

    with lock.open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.2)
    thread.join(timeout=10)
    assert entered.is_set()


def test_locked_versions_leave_windows_out() -> None:
    resolved = (
        "colorama==0.4.6 ; sys_platform == 'win32'\n"
        "notify2==0.3.1 ; sys_platform == 'linux'\n"
        "humanfriendly==10.0 ; python_full_version < '3.11' or sys_platform == 'win32'\n"
        "numpy==2.2.6 ; python_full_version < '3.11'\n"
    )
    assert for_linux(resolved) == (
        "notify2==0.3.1\n"
        "humanfriendly==10.0 ; python_full_version < '3.11'\n"
        "numpy==2.2.6 ; python_full_version < '3.11'\n"
    )


def test_every_requirement_is_pinned_for_every_supported_python() -> None:
    markers = pytest.importorskip("packaging.requirements")
    folder = Path(install.__file__).parents[1] / "requirements"

    def entries(name: str) -> list[str]:
        lines = (folder / name).read_text().splitlines()
        return [line for line in lines if line and not line.startswith("#")]

    pinned = [markers.Requirement(line) for line in entries("constraints.txt")]
    for version in ("3.10", "3.11", "3.12", "3.13", "3.14"):
        environment = {"python_version": version, "python_full_version": f"{version}.0"}
        chosen = {
            re.sub(r"[-_.]+", "-", pin.name).lower(): str(pin.specifier).removeprefix("==")
            for pin in pinned
            if pin.marker is None or pin.marker.evaluate(environment)
        }
        for name in ("ros.txt", "runtime.txt", "dev.txt"):
            for line in entries(name):
                wanted = markers.Requirement(line)
                assert wanted.specifier.contains(chosen[wanted.name.lower()]), (version, line)
