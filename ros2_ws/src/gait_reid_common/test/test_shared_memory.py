from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gait_reid_common.shared_memory import SHARED_MEMORY, main, remove_abandoned_segments
from gait_reid_common.testing import domain_id

OLD_S = time.time() - 3600


def make_segment(folder: Path, name: str, size_bytes: int = 4096) -> Path:
    path = folder / name
    path.write_bytes(bytes(size_bytes))
    (folder / f"{name}_el").touch()
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_removes_segment_port_lock_and_semaphore_of_a_dead_owner(tmp_path: Path) -> None:
    make_segment(tmp_path, "fastrtps_0123456789abcdef", 1000)
    make_segment(tmp_path, "fastrtps_port7410", 24)
    (tmp_path / "sem.fastrtps_port7410_mutex").touch()
    make_segment(tmp_path, "fastdds_0123456789abcdef", 8)

    removed = remove_abandoned_segments(tmp_path, min_age_s=-60)

    assert len(removed.names) == 3
    assert removed.size_bytes == 1032
    assert names(tmp_path) == set()


def test_keeps_what_is_locked_young_or_not_of_fast_dds(tmp_path: Path) -> None:
    locked = make_segment(tmp_path, "fastrtps_00000000000000aa")
    (tmp_path / "postgresql_0123456789abcdef").touch()
    (tmp_path / "fastrtps_notes").touch()
    with locked.with_name(f"{locked.name}_el").open() as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        before = names(tmp_path)
        assert remove_abandoned_segments(tmp_path, min_age_s=-60).names == ()
        assert names(tmp_path) == before
    assert remove_abandoned_segments(tmp_path, min_age_s=60).names == ()
    assert remove_abandoned_segments(tmp_path, min_age_s=-60).names == (locked.name,)


def test_a_segment_without_lock_file_counts_as_abandoned(tmp_path: Path) -> None:
    (tmp_path / "fastrtps_00000000000000bb").write_bytes(b"x")
    assert remove_abandoned_segments(tmp_path, min_age_s=-60).size_bytes == 1


def test_says_what_belongs_to_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_segment(tmp_path, "fastrtps_00000000000000cc")

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(self)

    monkeypatch.setattr(Path, "unlink", refuse)
    removed = remove_abandoned_segments(tmp_path, min_age_s=-60)
    assert (removed.names, removed.kept) == ((), ("fastrtps_00000000000000cc",))


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Starts Python with a piece of code and waits until it says that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
        process.communicate()


def test_a_mapped_segment_stays_until_its_process_is_killed(tmp_path: Path) -> None:
    path = make_segment(tmp_path, "fastrtps_00000000000000dd")
    process = start(
        "import mmap, sys; f = open(sys.argv[1], 'r+b'); m = mmap.mmap(f.fileno(), 4096); "
        "f.close(); print('ready', flush=True); sys.stdin.read()",
        str(path),
    )
    try:
        assert remove_abandoned_segments(tmp_path, min_age_s=-60).names == ()
    finally:
        kill(process)
    assert remove_abandoned_segments(tmp_path, min_age_s=-60).names == (path.name,)


def test_what_a_killed_node_leaves_is_removed_and_what_a_live_one_uses_is_not() -> None:
    pytest.importorskip("rclpy")
    code = (
        "import rclpy, sys; rclpy.init(domain_id=int(sys.argv[1])); "
        "node = rclpy.create_node('victim'); "
        "print('ready', flush=True); sys.stdin.read()"
    )
    # Whoever else is in the domain, a ros2 daemon say, maps the victim's segments as well.
    with domain_id() as first, domain_id() as second:
        kill_one_of(start(code, str(first)), start(code, str(second)))


def kill_one_of(victim: subprocess.Popen[str], survivor: subprocess.Popen[str]) -> None:
    segments = {process.pid: mapped_segments(process.pid) for process in (victim, survivor)}
    own = segments[victim.pid] - segments[survivor.pid]
    try:
        if not own:
            pytest.skip("this ROS 2 middleware does not use shared memory")
        kill(victim)
        for name in segments[victim.pid] | segments[survivor.pid]:
            if (SHARED_MEMORY / name).exists():
                os.utime(SHARED_MEMORY / name, (OLD_S, OLD_S))
        removed = remove_abandoned_segments()
        assert own & set(removed.names)
        assert removed.size_bytes > 0
        assert not [name for name in own if (SHARED_MEMORY / name).exists()]
        assert all((SHARED_MEMORY / name).exists() for name in mapped_segments(survivor.pid))
    finally:
        kill(victim)
        kill(survivor)


def mapped_segments(pid: int) -> set[str]:
    """Existing segments that a process maps."""
    text = Path(f"/proc/{pid}/maps").read_text()
    found = {match.group() for match in re.finditer(r"(fastrtps|fastdds)_\w+", text)}
    return {name for name in found if (SHARED_MEMORY / name).exists()}


def test_command_takes_ros_arguments_and_says_what_it_removed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--min-age-s", "1e9", "--ros-args", "-r", "__ns:=/site"]) == 0
    assert capsys.readouterr().out == "removed 0 abandoned segments, 0 MiB\n"
