"""rosbag2 files of the sqlite3 storage (.db3)."""

from __future__ import annotations

import contextlib
import sqlite3
import urllib.parse
from collections.abc import Collection, Iterator
from pathlib import Path

from gait_reid.adapters.bags.errors import BagError, StorageDamagedError
from gait_reid.adapters.bags.storage import BagMessage, TopicInfo

_FIX = "recover it with: sqlite3 {path} .recover | sqlite3 recovered.db3"
_MAGIC = b"SQLite format 3\0"


class SqliteFile:
    """One .db3 file.

    Raises:
        BagError: The file cannot be opened, is no database or holds no recording.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._truncated = _is_truncated(path)
        try:
            self._connection = _connect(path)
            if self._truncated:
                # Otherwise SQLite refuses the whole file; nothing is ever written here.
                self._connection.execute("PRAGMA writable_schema = ON")
            rows = self._connection.execute("SELECT id, name, type FROM topics").fetchall()
        except sqlite3.Error as error:
            raise BagError(
                path, f"is not a readable rosbag2 database ({error})", self.fix
            ) from error
        self._by_id = {key: TopicInfo(str(name), str(kind)) for key, name, kind in rows}
        self._count()
        self.topics = {topic.name: topic for topic in self._by_id.values()}
        self.definitions = self._read_definitions()
        self.span_ns = self._span()

    @property
    def fix(self) -> str:
        """What to do about damage."""
        return _FIX.format(path=self.path)

    def _count(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            query = "SELECT topic_id, count(*) FROM messages GROUP BY topic_id"
            counts = dict(self._connection.execute(query).fetchall())
            self._by_id = {
                key: TopicInfo(topic.name, topic.type_name, counts.get(key, 0))
                for key, topic in self._by_id.items()
            }

    def _read_definitions(self) -> dict[str, str]:
        """Return the definitions of recordings since ROS 2 Iron; older ones have none."""
        query = (
            "SELECT topic_type, encoded_message_definition FROM message_definitions"
            " WHERE encoding = 'ros2msg'"
        )
        try:
            return {str(name): str(text) for name, text in self._connection.execute(query)}
        except sqlite3.Error:
            return {}

    def _span(self) -> tuple[int, int] | None:
        try:
            row = self._connection.execute(
                "SELECT min(timestamp), max(timestamp) FROM messages"
            ).fetchone()
        except sqlite3.Error:
            return None
        return None if row is None or row[0] is None else (int(row[0]), int(row[1]))

    def messages(self, topics: Collection[str] | None) -> Iterator[BagMessage]:
        """See `Storage.messages`; a damaged file is read in order of recording."""
        # The index may lie behind the damage; the order of the rows does not need it.
        order = "id" if self._truncated else "timestamp, id"
        query = f"SELECT topic_id, timestamp, data FROM messages ORDER BY {order}"
        try:
            for key, stamp_ns, data in self._connection.execute(query):
                topic = self._by_id.get(key)
                if topic is None or not isinstance(data, bytes) or not isinstance(stamp_ns, int):
                    raise StorageDamagedError(f"a row of topic id {key} holds no message")
                if topics is None or topic.name in topics:
                    yield BagMessage(topic.name, topic.type_name, stamp_ns, data)
        except sqlite3.Error as error:
            raise StorageDamagedError(str(error)) from error
        if self._truncated:
            raise StorageDamagedError("the file is shorter than its header says")

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    """Open read-only; a write-ahead log that a killed recorder left behind is read as well."""
    wal = path.with_name(path.name + "-wal")
    mode = "ro" if wal.is_file() and wal.stat().st_size else "ro&immutable=1"
    name = urllib.parse.quote(str(path.resolve()))
    return sqlite3.connect(f"file:{name}?mode={mode}", uri=True, check_same_thread=False)


def _is_truncated(path: Path) -> bool:
    """Return whether the file is shorter than its header says.

    Raises:
        BagError: The file is not an SQLite database.
    """
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(_MAGIC):
        raise BagError(path, "is not an SQLite database", "check that it was copied completely")
    page_size = int.from_bytes(header[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    return path.stat().st_size < page_size * int.from_bytes(header[28:32], "big")
