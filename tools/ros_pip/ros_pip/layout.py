"""Where things lie in a checkout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The paths of one checkout.

    Attributes:
        root: the repository root, absolute.
    """

    root: Path

    def __post_init__(self) -> None:
        if not self.root.is_absolute():
            raise ValueError(f"root must be an absolute path, got {self.root}")

    @property
    def venv(self) -> Path:
        """The virtual environment."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The interpreter of the virtual environment."""
        return self.venv / "bin" / "python"

    @property
    def installed_stamp(self) -> Path:
        """Says what the virtual environment holds; absent while it is being changed."""
        return self.venv / "installed.json"

    @property
    def extras_stamp(self) -> Path:
        """Says which extra layers the virtual environment holds."""
        return self.venv / "extras.json"

    @property
    def held(self) -> Path:
        """Constraints beside a sourced ROS 2: the versions that have to stay."""
        return self.venv / "held.txt"

    @property
    def workspace(self) -> Path:
        """The colcon workspace: src, and the folders that colcon makes."""
        return self.root / "ros2_ws"

    @property
    def built_stamp(self) -> Path:
        """Says what the install space was built from."""
        return self.workspace / "install" / "built.json"

    @property
    def lock(self) -> Path:
        """Held while the environment or the install space is being changed."""
        return self.root / ".setup.lock"

    @property
    def tool(self) -> Path:
        """The folder of this tool."""
        return self.root / "tools" / "ros_pip"

    @property
    def requirements(self) -> Path:
        """The folder of requirement lists."""
        return self.tool / "requirements"

    @property
    def stand_ins(self) -> Path:
        """The folder of packages that stand in for what PyPI lacks."""
        return self.tool / "stand_ins"
