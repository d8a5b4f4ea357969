"""Writing rosbag2 recordings without DDS and without an installed ROS."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.typesys.store import Typestore

from gait_reid.adapters.bags import types
from gait_reid.adapters.bags.closing import Closing
from gait_reid.adapters.bags.errors import BagError
from gait_reid.adapters.bags.messages import to_stored

_PLUGINS = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}
# Version 8 is the newest that Humble's rosbag2 reads.
_BAG_VERSION: Literal[8] = 8


class BagWriter(Closing):
    """A new rosbag2 folder. An mcap that is not closed stays readable up to its last full chunk.

    Args:
        path: Folder to make; must not exist.
        storage: ``mcap`` or ``sqlite3``.
        store: Message types; those of `types.message_types` without one.

    Raises:
        BagError: The folder exists or cannot be made, or the storage is unknown.
    """

    def __init__(
        self, path: Path | str, storage: str = "mcap", store: Typestore | None = None
    ) -> None:
        self.path = Path(path)
        if storage not in _PLUGINS:
            raise BagError(storage, "is no storage of rosbag2", f"use {' or '.join(_PLUGINS)}")
        self._types = store if store is not None else types.message_types()
        self._connections: dict[str, Connection] = {}
        try:
            self._writer = Writer(self.path, version=_BAG_VERSION, storage_plugin=_PLUGINS[storage])
            self._writer.open()
        except (WriterError, OSError) as error:
            raise BagError(
                self.path, f"cannot be made ({error})", "give a folder that does not exist yet"
            ) from error

    def write(self, topic: str, type_name: str, stamp_ns: int, message: Any) -> None:
        """Append a message object: of rclpy, of `messages`, or of the reader.

        Raises:
            BagError: The type is unknown or the object does not fit it.
        """
        self._connection(topic, type_name)
        with types.naming(topic, type_name):
            stored = to_stored(self._types, message, type_name)
            data = self._types.serialize_cdr(stored, type_name)
        self.write_raw(topic, type_name, stamp_ns, data)

    def write_raw(
        self, topic: str, type_name: str, stamp_ns: int, data: bytes | memoryview
    ) -> None:
        """Append a message that is serialised already.

        Raises:
            BagError: The type is unknown.
        """
        self._writer.write(self._connection(topic, type_name), stamp_ns, data)

    def close(self) -> None:
        """Write the index and metadata.yaml."""
        self._writer.close()

    def _connection(self, topic: str, type_name: str) -> Connection:
        found = self._connections.get(topic)
        if found is None:
            if type_name not in self._types.fielddefs:
                if type_name.startswith(types.OWN_PACKAGE):
                    types.require_own_types(self._types)
                raise BagError(
                    topic, f"has the unknown type {type_name}", "register its definition"
                )
            found = self._writer.add_connection(topic, type_name, typestore=self._types)
            self._connections[topic] = found
        elif found.msgtype != type_name:
            raise BagError(
                topic, f"already carries {found.msgtype}, not {type_name}", "use another topic"
            )
        return found
