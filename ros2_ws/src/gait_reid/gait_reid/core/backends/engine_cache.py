"""Built engines on disk: keyed by all they depend on, written whole, built once at a time.

An engine fits one version of TensorRT and one kind of GPU. Whatever differs gives another key, so
that nothing stale is ever loaded; the least recently used engines are removed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from gait_reid.core.backends.files import store_atomically

KEPT_ENGINES = 48
_FORMAT = 1


@dataclass(frozen=True)
class EngineKey:
    """All that decides whether an engine fits.

    Attributes:
        graph_sha256: Of the ONNX file.
        tensorrt: Full version.
        gpu: Name of the device.
        compute_capability: Of the device.
        precision: ``fp32`` or ``fp16``.
        shapes: Least, usual and largest shape of every input.
        workspace_mib: Memory that tactics were allowed.
    """

    graph_sha256: str
    tensorrt: str
    gpu: str
    compute_capability: str
    precision: str
    shapes: str
    workspace_mib: int

    @property
    def digest(self) -> str:
        """Name of the engine's files."""
        content = json.dumps([_FORMAT, asdict(self)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def default_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the user's own folder of engines."""
    base = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "gait_reid" / "engines"


class EngineCache:
    """A folder of engines, each ``<digest>.plan`` with ``<digest>.json`` beside it.

    Args:
        folder: Made when the first engine is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get_or_build(self, key: EngineKey, build: Callable[[], bytes]) -> tuple[bytes, bool]:
        """Return the engine of a key, and whether it was built now.

        Only one process builds; others wait for it and take what it stored.

        Raises:
            OSError: The folder cannot be read or written.
        """
        found = self.load(key)
        if found is not None:
            return found, False
        with self._locked(key):
            found = self.load(key)
            if found is not None:
                return found, False
            plan = build()
            self._store(key, plan)
        self._prune()
        return plan, True

    def load(self, key: EngineKey) -> bytes | None:
        """Return a whole engine of this very key, or None; a damaged one counts as none."""
        plan, description = self._paths(key)
        try:
            known = json.loads(description.read_text())
            content = plan.read_bytes()
        except (OSError, ValueError):
            return None
        digest = hashlib.sha256(content).hexdigest()
        if not isinstance(known, dict) or known != {**asdict(key), "plan_sha256": digest}:
            return None
        os.utime(plan)
        return content

    def remove(self, key: EngineKey) -> None:
        """Forget an engine, for example one that cannot be loaded."""
        for path in self._paths(key):
            path.unlink(missing_ok=True)

    def timing_cache(self, key: EngineKey) -> Path:
        """Return the file of measured tactics that engines of one device share."""
        parts = [key.tensorrt, key.gpu, key.compute_capability]
        return self.folder / f"{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}.timing"

    def _paths(self, key: EngineKey) -> tuple[Path, Path]:
        return self.folder / f"{key.digest}.plan", self.folder / f"{key.digest}.json"

    def _store(self, key: EngineKey, content: bytes) -> None:
        plan, description = self._paths(key)
        store_atomically(plan, content)
        digest = hashlib.sha256(content).hexdigest()
        text = json.dumps({**asdict(key), "plan_sha256": digest}, indent=1, sort_keys=True)
        store_atomically(description, f"{text}\n".encode())

    @contextmanager
    def _locked(self, key: EngineKey) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{key.digest}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _prune(self) -> None:
        plans = sorted(self.folder.glob("*.plan"), key=lambda path: path.stat().st_mtime)
        for plan in plans[: max(0, len(plans) - KEPT_ENGINES)]:
            for path in (plan, plan.with_suffix(".json"), plan.with_suffix(".lock")):
                path.unlink(missing_ok=True)
