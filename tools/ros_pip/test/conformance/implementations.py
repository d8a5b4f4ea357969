"""Loads the stand-in and the upstream implementation of a module side by side."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

STAND_INS = Path(__file__).parents[2] / "stand_ins"


def load_stand_in(module: str) -> ModuleType:
    """The stand-in of a module, whichever implementation is installed."""
    package, *rest = module.split(".")
    path = STAND_INS / package / package / ("/".join(rest) + ".py" if rest else "__init__.py")
    spec = importlib.util.spec_from_file_location(f"stand_in_{module.replace('.', '_')}", path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def load_upstream(module: str) -> ModuleType:
    """ROS 2's own module; skips the test where it is not installed."""
    found = pytest.importorskip(module)
    if Path(str(found.__file__)).is_relative_to(STAND_INS):
        pytest.skip(f"ROS 2's own {module} is not installed")
    return found
