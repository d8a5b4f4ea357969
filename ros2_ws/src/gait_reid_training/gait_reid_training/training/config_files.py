"""Reads configurations: YAML files with dotted overrides.

A file has the groups of `TrainConfig` and ``network``: its ``name`` and the settings of that
network, which `gait_reid_training.nets.registry` checks. ``base: other.yaml`` starts from another
file of the same folder. What names another network drops the settings of the one before.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from gait_reid_common.parameters import flatten
from gait_reid_training.training.config import Experiment, make_experiment


class _Loader(yaml.SafeLoader):
    """Takes ``1e-3`` for the number that it is, as YAML 1.2 does."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def _load_yaml(text: str) -> Any:
    return yaml.load(text, _Loader)  # noqa: S506 (a subclass of SafeLoader)


CONFIGS = Path(__file__).parent.parent / "configs"


def read_experiment(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read a configuration file and apply ``key=value`` overrides, values in YAML.

    Raises:
        FileNotFoundError: No such file; names those that come with the package.
        ValueError: Not a mapping, an unknown key (names the nearest), or a value not allowed.
    """
    experiments = read_experiments([path], overrides)
    if len(experiments) > 1:
        raise ValueError(f"{path} describes {len(experiments)} trainings, expected one")
    return next(iter(experiments.values()))


def read_experiments(paths: Sequence[Path], overrides: Sequence[str] = ()) -> dict[str, Experiment]:
    """Read configuration files; one with ``runs`` describes a training for each of its entries.

    ``runs`` maps a name to values that differ from the rest of the file.

    Returns:
        Experiments by name: the file's stem, or the name of the run.

    Raises:
        FileNotFoundError: No such file.
        ValueError: As `read_experiment`, or two trainings of one name.
    """
    changes = _overrides(overrides)
    found: dict[str, Experiment] = {}
    for path in paths:
        file = find_config(path)
        flat, runs = _read(file, set())
        for name, values in (runs or {file.stem: {}}).items():
            if name in found:
                raise ValueError(f"two trainings are called {name!r}: rename a file or a run")
            try:
                found[name] = make_experiment(_over(_over(flat, values), changes))
            except ValueError as error:
                raise ValueError(f"{path}, {name}: {error}") from error
    return found


def _over(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    """Return values over others; another network drops the settings of the one below."""
    if upper.get("network.name", lower.get("network.name")) != lower.get("network.name"):
        lower = {key: value for key, value in lower.items() if not key.startswith("network.")}
    return {**lower, **upper}


def _overrides(texts: Sequence[str]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for override in texts:
        key, mark, text = override.partition("=")
        if not mark or not key.strip():
            raise ValueError(f"--set {override!r}: expected key=value, for example run.seed=2")
        try:
            flat.update(flatten({key.strip(): _load_yaml(text)}))
        except yaml.YAMLError as error:
            raise ValueError(f"--set {override!r}: the value is not YAML") from error
    return flat


def find_config(path: Path) -> Path:
    """Return a configuration file, looked for here and then in the package."""
    for one in (path, CONFIGS / path, CONFIGS / f"{path}.yaml"):
        if one.is_file():
            return one
    names = sorted(file.name for file in CONFIGS.glob("*.yaml"))
    nearest = difflib.get_close_matches(path.name, names, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"the package has {', '.join(names)}"
    raise FileNotFoundError(f"configuration {path} does not exist; {hint}")


def _read(path: Path, seen: set[Path]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the flat content of a file over that of its base, and its runs."""
    if path.resolve() in seen:
        raise ValueError(f"{path} is its own base")
    seen.add(path.resolve())
    try:
        content = _load_yaml(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds {type(content).__name__}, expected groups of values")
    base, runs = content.pop("base", None), content.pop("runs", None) or {}
    if not isinstance(runs, dict) or not all(isinstance(run, dict) for run in runs.values()):
        raise ValueError(f"{path}: runs is no mapping from names to values")
    inherited = {} if base is None else _read(find_config(path.parent / str(base)), seen)[0]
    return _over(inherited, flatten(content)), {name: flatten(run) for name, run in runs.items()}
