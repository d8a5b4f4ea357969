"""People of a data set who walk as recorded people did: a folder of motion-capture files.

Files are called ``SUBJECT_TAKE.npz`` or ``SUBJECT_TAKE.bvh`` (``07_01.npz``); see
`gait_reid_sim.core.gait.recording` for what they hold. A subject is an identity, a take one of
its walks.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

from gait_reid_sim.core.body.anthropometry import STATURE_LIMITS_M
from gait_reid_sim.core.gait.parameters import GaitParameters
from gait_reid_sim.core.gait.recording import Recording, load_recording
from gait_reid_sim.core.gait.retarget import RecordedGait, measure_gait
from gait_reid_sim.core.person import Person

TAKES = ("all", "odd", "even")
"""Which takes a condition uses, by their number in the order of the names, from 1."""
OWN = "own"
_EXTENSIONS = (".npz", ".bvh")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecordedGaits:
    """Recorded walks, and the bodies that they are put onto.

    Attributes:
        folder: Where the files are.
        bodies: Names of bodies. Each subject walks in each of them, and each pair is an identity:
            who has the same body differs in gait alone. Empty: each subject has one body of its
            own, of the recorded stature.
        takes: Names of the files of each subject, in order.
        sha256: Of all files.
        left_out: Files that are not used, and why.
    """

    folder: str
    bodies: tuple[str, ...]
    takes: dict[str, tuple[str, ...]]
    sha256: str
    left_out: dict[str, str]

    @classmethod
    def of(cls, folder: Path, bodies: Sequence[str] = (), least_s: float = 0.0) -> RecordedGaits:
        """Read a folder.

        Walks that show no whole gait cycle or last less than ``least_s`` are left out, with a
        warning.

        Raises:
            FileNotFoundError: No such folder.
            ValueError: It holds no recording, or one that cannot be read or has another name.
        """
        if not folder.is_dir():
            raise FileNotFoundError(f"folder {folder} does not exist")
        takes: dict[str, list[str]] = {}
        left_out: dict[str, str] = {}
        digest = hashlib.sha256()
        for file in sorted(f for f in folder.iterdir() if f.suffix.lower() in _EXTENSIONS):
            subject, underscore, take = file.stem.rpartition("_")
            if not (underscore and subject and take):
                raise ValueError(f"{file.name} is not called SUBJECT_TAKE{file.suffix}")
            recording = load_recording(file)
            digest.update(file.name.encode())
            digest.update(file.read_bytes())
            reason = _unfit(recording, least_s)
            if reason:
                left_out[file.name] = reason
                _log.warning("left out: %s", reason)
                continue
            takes.setdefault(subject, []).append(file.name)
        if not takes:
            raise ValueError(f"folder {folder} holds no walk, expected SUBJECT_TAKE.npz or .bvh")
        frozen = {subject: tuple(names) for subject, names in takes.items()}
        return cls(str(folder.resolve()), tuple(bodies), frozen, digest.hexdigest(), left_out)

    @cached_property
    def _people(self) -> dict[str, tuple[str, str]]:
        """Subject and body by name of the identity."""
        pairs = [(subject, body) for subject in self.takes for body in self.bodies or (OWN,)]
        return {
            f"subject-{subject}" + ("" if body == OWN else f"-in-{body}"): (subject, body)
            for subject, body in pairs
        }

    def identities(self, subjects: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return names of identities, of some subjects or of all."""
        return tuple(
            name for name, (s, _) in self._people.items() if subjects is None or s in subjects
        )

    def takes_of(self, identity: str, which: str = "all") -> tuple[str, ...]:
        """Return the files of an identity that a condition uses, see `TAKES`; may be none."""
        names = self.takes[self._people[identity][0]]
        return {"all": names, "odd": names[::2], "even": names[1::2]}[which]

    def person(self, identity: str, take: str = "", spread: float = 1.0) -> Person:
        """Return an identity with the gait of one take, of the first where none is named."""
        subject, body = self._people[identity]
        recorded = self._measured(take or self.takes[subject][0])
        if body == OWN:
            stature = min(max(recorded.stature_m, STATURE_LIMITS_M[0]), STATURE_LIMITS_M[1])
            person = Person.of(identity, spread, stature)
        else:
            person = Person.of(body, spread)
        gait: GaitParameters = recorded.scaled_to(person.anthropometry.stature_m)
        return replace(person, person_id=identity, gait=gait)

    def recording(self, take: str) -> Recording:
        """Return a recorded walk by the name of its file."""
        return _loaded(str(Path(self.folder) / take))

    def _measured(self, take: str) -> RecordedGait:
        return _measured(str(Path(self.folder) / take))


def _unfit(recording: Recording, least_s: float) -> str:
    """Return why a walk cannot be used, or nothing."""
    lasts_s = (len(recording.positions) - 1) / recording.rate_hz
    if lasts_s < least_s:
        return f"{recording.source} lasts {lasts_s:.2f} s, the tracklets {least_s:.2f} s"
    try:
        measure_gait(recording)
    except ValueError as error:
        return str(error)
    return ""


@lru_cache(maxsize=1024)
def _loaded(path: str) -> Recording:
    return load_recording(path)


@lru_cache(maxsize=1024)
def _measured(path: str) -> RecordedGait:
    return measure_gait(_loaded(path))
