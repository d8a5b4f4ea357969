"""Reading rosbag2 recordings without DDS and without an installed ROS."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
import zstandard

from gait_reid.adapters.bags import types
from gait_reid.adapters.bags.closing import Closing
from gait_reid.adapters.bags.errors import BagDamagedError, BagError, StorageDamagedError
from gait_reid.adapters.bags.mcap_file import McapFile
from gait_reid.adapters.bags.sqlite import SqliteFile
from gait_reid.adapters.bags.storage import BagMessage, Storage, TopicInfo

_SUFFIXES: dict[str, Callable[[Path], Storage]] = {".mcap": McapFile, ".db3": SqliteFile}
_PACKED = [[suffix, ".zstd"] for suffix in _SUFFIXES]
_METADATA = "metadata.yaml"


class BagReader(Closing):
    """A recording: a rosbag2 folder, or one ``.mcap`` or ``.db3`` file.

    A folder without metadata.yaml (the recorder was killed) is read as well: its files in the
    order of their numbers. A file that cannot be opened at all is damage like any other as long
    as another file of the same folder can be read.

    Raises:
        BagError: Nothing of the recording can be read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._unpacked: tempfile.TemporaryDirectory[str] | None = None
        self._compressed_messages = False
        self._files: list[Storage] = []
        self._unreadable: list[BagError] = []
        for file in self._find_files():
            try:
                self._files.append(_SUFFIXES[file.suffix](file))
            except BagError as error:
                self._unreadable.append(error)
        if not self._files:
            raise self._unreadable[0]
        definitions: dict[str, str] = {}
        for storage in self._files:
            definitions.update(storage.definitions)
        self._types = types.with_definitions(types.message_types(), definitions)

    def close(self) -> None:
        """Close all files."""
        for storage in self._files:
            storage.close()
        if self._unpacked is not None:
            self._unpacked.cleanup()

    @property
    def topics(self) -> Mapping[str, TopicInfo]:
        """Topics by name, sorted, with the number of messages of all files."""
        found: dict[str, TopicInfo] = {}
        for storage in self._files:
            for name, topic in storage.topics.items():
                earlier = found.get(name)
                known = (
                    earlier is not None and earlier.count is not None and topic.count is not None
                )
                count = earlier.count + topic.count if known else topic.count  # type: ignore[union-attr, operator]
                found[name] = TopicInfo(name, topic.type_name, count)
        return dict(sorted(found.items()))

    @property
    def span_ns(self) -> tuple[int, int] | None:
        """Log time of the first and the last message, or None when the recording is empty."""
        spans = [storage.span_ns for storage in self._files if storage.span_ns is not None]
        return (min(s[0] for s in spans), max(s[1] for s in spans)) if spans else None

    def messages(self, topics: Collection[str] | None = None) -> Iterator[BagMessage]:
        """Yield the messages of some or all topics in order of log time, file by file.

        Raises:
            BagDamagedError: After everything readable was yielded, if some of it was not.
        """
        damage = list(self._unreadable)
        count = 0
        for storage in self._files:
            try:
                for message in storage.messages(topics):
                    count += 1
                    yield message
            except StorageDamagedError as error:
                problem = f"is truncated or damaged ({error})"
                damage.append(BagError(storage.path, problem, storage.fix))
        if damage:
            first = damage[0]
            raise BagDamagedError(first.thing, first.problem, first.fix, count)

    def decode(self, message: BagMessage) -> Any:
        """Return the message as an object with the fields of its ROS type; arrays are numpy views.

        Raises:
            BagError: The type is unknown, or the bytes are not a message of it.
        """
        if message.type_name not in self._types.fielddefs:
            raise BagError(
                message.topic,
                f"has the type {message.type_name or '(none)'}, which is not known",
                "record it as mcap, which brings its message definitions along",
            )
        with types.naming(message.topic, message.type_name):
            data = message.data
            if self._compressed_messages:
                data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
            return self._types.deserialize_cdr(data, message.type_name)

    def _find_files(self) -> list[Path]:
        if self.path.is_file():
            return [self._checked(self.path)]
        if not self.path.is_dir():
            raise BagError(self.path, "does not exist", "give a rosbag2 folder, .mcap or .db3 file")
        listed = self._listed_files()
        found = [path for path in listed if path.is_file()]
        self._unreadable += [
            BagError(path, "is listed in metadata.yaml but missing", "copy the whole folder")
            for path in listed
            if not path.is_file()
        ]
        if not listed:
            found = sorted((p for p in self.path.iterdir() if _is_bag_file(p)), key=_natural)
        if not found and not self._unreadable:
            raise BagError(
                self.path, "holds no .mcap or .db3 file", "give the folder of a rosbag2 recording"
            )
        return [self._checked(path) for path in found]

    def _listed_files(self) -> list[Path]:
        """Return the files that metadata.yaml lists; an unreadable metadata.yaml lists none."""
        metadata = self.path / _METADATA
        if not metadata.is_file():
            return []
        try:
            content = yaml.safe_load(metadata.read_text())["rosbag2_bagfile_information"]
            mode = str(content.get("compression_mode", "")).lower()
            self._compressed_messages = mode == "message"
            return [self.path / Path(name).name for name in content["relative_file_paths"]]
        except (yaml.YAMLError, KeyError, TypeError, AttributeError, UnicodeDecodeError):
            return []

    def _checked(self, path: Path) -> Path:
        """Return a file that can be opened, unpacked when it is compressed as a whole."""
        if path.suffix == ".zstd":
            path = self._unpack(path)
        if path.suffix not in _SUFFIXES:
            raise BagError(path, "is no rosbag2 file", "give a rosbag2 folder, .mcap or .db3 file")
        return path

    def _unpack(self, path: Path) -> Path:
        if self._unpacked is None:
            self._unpacked = tempfile.TemporaryDirectory(prefix="gait_reid_bag_")
        target = Path(self._unpacked.name) / path.stem
        with path.open("rb") as packed, target.open("wb") as plain:
            try:
                shutil.copyfileobj(zstandard.ZstdDecompressor().stream_reader(packed), plain)
            except zstandard.ZstdError as error:
                problem = f"cannot be decompressed ({error})"
                self._unreadable.append(BagError(path, problem, "copy it again"))
        return target


def _is_bag_file(path: Path) -> bool:
    return path.is_file() and (
        path.suffix in _SUFFIXES or path.suffixes[-2:-1] + [path.suffix] in _PACKED
    )


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort ``bag_10`` after ``bag_9``."""
    return [
        (int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", path.name)
    ]
