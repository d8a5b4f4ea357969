"""Recorded motion: joint positions over time from npz and BVH files."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gait_reid.core.types import Float64
from gait_reid_sim.core.gait.legs import about_x, about_y, about_z

ROLES = (
    "pelvis", "left_hip", "left_knee", "left_ankle", "left_toe",
    "right_hip", "right_knee", "right_ankle", "right_toe", "neck",
    "left_shoulder", "left_elbow", "left_wrist",
    "right_shoulder", "right_elbow", "right_wrist",
)  # fmt: skip
_BONE_ENDS = dict(
    zip(
        ROLES,
        (
            "root", "lhipjoint", "lfemur", "ltibia", "lfoot",
            "rhipjoint", "rfemur", "rtibia", "rfoot", "thorax",
            "lclavicle", "lhumerus", "lradius", "rclavicle", "rhumerus", "rradius",
        ),
    )
)  # fmt: skip
_BONE_STARTS = dict(
    zip(
        ROLES,
        (
            "Hips", "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToeBase",
            "RightUpLeg", "RightLeg", "RightFoot", "RightToeBase", "Neck",
            "LeftArm", "LeftForeArm", "LeftHand", "RightArm", "RightForeArm", "RightHand",
        ),
    )
)  # fmt: skip


@dataclass(frozen=True)
class Recording:
    """Joints of one recorded walk.

    Attributes:
        positions: (t, 16, 3) metres in the order of `ROLES`; z up, x along the walk.
        rate_hz: Frames per second.
        source: Name of the file.
    """

    positions: Float64
    rate_hz: float
    source: str

    def joint(self, role: str) -> Float64:
        """Return (t, 3) of one joint."""
        return self.positions[:, ROLES.index(role)]


def load_recording(path: str | Path) -> Recording:
    """Read an npz or a BVH file, by its extension.

    Raises:
        ValueError: Another extension, or not such a file; names it.
    """
    readers = {".npz": load_npz, ".bvh": load_bvh}
    reader = readers.get(Path(path).suffix.lower())
    if reader is None:
        raise ValueError(f"{Path(path).name} is not a recording, expected {' or '.join(readers)}")
    return reader(path)


def load_npz(path: str | Path) -> Recording:
    """Read ``names``, ``pos`` (frames, bones, 3; metres, y up) and ``fps``; bones by their ends.

    Raises:
        ValueError: Not an npz file, or a field or a bone is missing; names it.
    """
    name, keys = Path(path).name, ("names", "pos", "fps")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{name} is not an npz file, or a damaged one")
    try:
        with np.load(path, allow_pickle=False) as data:
            fields = {key: data[key] for key in keys if key in data}
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise ValueError(f"{name} cannot be read: {error}") from error
    missing = [key for key in keys if key not in fields]
    if missing:
        raise ValueError(f"{name} has no field {missing[0]!r}, expected {', '.join(keys)}")
    names, rate = fields["names"].tolist(), float(fields["fps"])
    pos = fields["pos"].astype(np.float64)
    return _recording(names, pos, rate, name, _BONE_ENDS)


def load_bvh(path: str | Path, metres_per_unit: float = 0.01) -> Recording:
    """Read a BVH file whose joints have the usual names (Hips, LeftUpLeg, ...), y up.

    Raises:
        ValueError: Not a BVH file, or a joint is missing; names it.
    """
    name = Path(path).name
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    head, found, tail = text.partition("MOTION")
    if not found or "HIERARCHY" not in head:
        raise ValueError(f"{name} is not a BVH file: HIERARCHY and MOTION are expected")
    joints = _hierarchy(head, name)
    count, period, values = _motion(tail, name)
    channels = sum(len(joint.channels) for joint in joints)
    if values.size != count * channels or count < 2:
        raise ValueError(
            f"{name} has {values.size} motion values, expected {count} frames of {channels}"
        )
    positions = _bvh_positions(joints, values.reshape(count, channels)) * metres_per_unit
    names = [joint.name for joint in joints]
    return _recording(names, positions, 1.0 / period, name, _BONE_STARTS)


def _recording(
    names: list[str], pos: Float64, rate_hz: float, source: str, roles: dict[str, str]
) -> Recording:
    missing = [bone for bone in roles.values() if bone not in names]
    if missing:
        raise ValueError(f"{source} has no bone {missing[0]!r}")
    if pos.ndim != 3 or pos.shape[1:] != (len(names), 3) or not 10.0 <= rate_hz <= 1000.0:
        raise ValueError(
            f"{source} has positions {pos.shape} at {rate_hz} Hz for {len(names)} bones"
        )
    chosen = pos[:, [names.index(bone) for bone in roles.values()]]
    upright = np.stack([chosen[..., 2], chosen[..., 0], chosen[..., 1]], axis=-1)
    travel = upright[-1, 0] - upright[0, 0]
    heading = np.arctan2(travel[1], travel[0])
    return Recording(upright @ about_z(np.array(-heading)).T, rate_hz, source)


@dataclass
class _Joint:
    name: str
    parent: int
    offset: Float64
    channels: list[str]


def _hierarchy(text: str, source: str) -> list[_Joint]:
    joints: list[_Joint] = []
    stack: list[int] = []
    words = iter(text.split())
    pending = ""
    for word in words:
        if word in ("ROOT", "JOINT"):
            pending = next(words, "")
        elif word == "End":
            next(words, "")
            pending = "\0end"
        elif word == "{":
            parent = stack[-1] if stack else -1
            if pending == "\0end":
                stack.append(-2)
            else:
                joints.append(_Joint(pending, parent, np.zeros(3), []))
                stack.append(len(joints) - 1)
        elif word == "}":
            if not stack:
                raise ValueError(f"{source}: a closing brace too many in HIERARCHY")
            stack.pop()
        elif word == "OFFSET":
            offset = np.array([float(next(words, "nan")) for _ in range(3)])
            if stack and stack[-1] >= 0:
                joints[stack[-1]].offset = offset
        elif word == "CHANNELS":
            number = int(next(words, "0"))
            joints[stack[-1]].channels = [next(words, "") for _ in range(number)]
    if not joints:
        raise ValueError(f"{source} has no joints")
    return joints


def _motion(text: str, source: str) -> tuple[int, float, Float64]:
    words = text.replace("Frame Time:", "FrameTime").replace("Frames:", "Frames").split()
    try:
        count = int(words[words.index("Frames") + 1])
        at = words.index("FrameTime") + 1
        period = float(words[at])
        values = np.array(words[at + 1 :], np.float64)
    except (ValueError, IndexError) as error:
        raise ValueError(f"{source}: MOTION has no Frames, no Frame Time or bad numbers") from error
    if period <= 0.0:
        raise ValueError(f"{source}: Frame Time is {period}, expected a positive number of seconds")
    return count, period, values


def _bvh_positions(joints: list[_Joint], values: Float64) -> Float64:
    turns = {"Xrotation": about_x, "Yrotation": about_y, "Zrotation": about_z}
    count, column = len(values), 0
    positions = np.zeros((count, len(joints), 3))
    world = np.zeros((count, len(joints), 3, 3))
    for index, joint in enumerate(joints):
        local = np.tile(np.eye(3), (count, 1, 1))
        shift = np.tile(joint.offset, (count, 1))
        for channel in joint.channels:
            value = values[:, column]
            column += 1
            if channel in turns:
                local = local @ turns[channel](np.deg2rad(value))
            else:
                shift[:, "XYZ".index(channel[0])] = value
        above = world[:, joint.parent] if joint.parent >= 0 else np.tile(np.eye(3), (count, 1, 1))
        base = positions[:, joint.parent] if joint.parent >= 0 else np.zeros((count, 3))
        world[:, index] = above @ local
        positions[:, index] = base + np.einsum("tij,tj->ti", above, shift)
    return positions
