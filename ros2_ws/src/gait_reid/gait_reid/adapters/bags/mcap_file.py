"""rosbag2 files of the mcap storage."""

from __future__ import annotations

import contextlib
import functools
import io
import struct
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.reader import SeekingReader
from mcap.records import Channel, Chunk, Message, Schema
from mcap.stream_reader import StreamReader, breakup_chunk

from gait_reid.adapters.bags.errors import BagError, StorageDamagedError
from gait_reid.adapters.bags.storage import BagMessage, TopicInfo

_FIX = "recover it with: mcap recover {path} -o recovered.mcap"
_MAGIC = b"\x89MCAP0\r\n"
_RECORD_HEADER_BYTES = 9
_FOOTER_BYTES = _RECORD_HEADER_BYTES + struct.calcsize("<QQI")


class McapFile:
    """One .mcap file. Without an index (a killed recorder) the file is scanned from its beginning.

    Raises:
        BagError: The file is no mcap file or nothing in it is readable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb")
        self._channels: dict[int, Channel] = {}
        self._schemas: dict[int, Schema] = {}
        self._counts: dict[int, int] | None = None
        self.span_ns: tuple[int, int] | None = None
        if self._file.read(len(_MAGIC)) != _MAGIC:
            self._file.close()
            raise BagError(path, "is not an mcap file", "check that it was copied completely")
        self._reader = self._open_index()
        if self._reader is None:
            self._scan()

    @property
    def fix(self) -> str:
        """What to do about damage."""
        return _FIX.format(path=self.path)

    @property
    def topics(self) -> dict[str, TopicInfo]:
        """See `Storage.topics`."""
        found: dict[str, TopicInfo] = {}
        for key, channel in self._channels.items():
            count = None if self._counts is None else self._counts.get(key, 0)
            earlier = found.get(channel.topic)
            if earlier is not None and earlier.count is not None and count is not None:
                count += earlier.count
            found[channel.topic] = TopicInfo(channel.topic, self._type_of(channel), count)
        return found

    @property
    def definitions(self) -> dict[str, str]:
        """See `Storage.definitions`."""
        return {
            schema.name: schema.data.decode(errors="replace")
            for schema in self._schemas.values()
            if schema.encoding == "ros2msg"
        }

    def messages(self, topics: Collection[str] | None) -> Iterator[BagMessage]:
        """See `Storage.messages`; a file without an index is read in order of recording."""
        if self._reader is None:
            yield from self._by_recording(topics)
            return
        count = 0
        with _damage():
            found = self._reader.iter_messages(topics=None if topics is None else list(topics))
            for _, channel, message in found:
                count += 1
                yield self._message(channel, message)
        wanted = [t for t in self.topics.values() if topics is None or t.name in topics]
        expected = sum(topic.count or 0 for topic in wanted)
        if count != expected:
            raise StorageDamagedError(f"the index names {expected} messages, {count} were found")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _open_index(self) -> SeekingReader | None:
        """Return a reader that uses the index at the end of the file, or None without one."""
        self._file.seek(0)
        try:
            reader = SeekingReader(self._file, validate_crcs=True, record_size_limit=self._size())
            summary = reader.get_summary() if self._index_is_whole() else None
        except Exception:  # a broken end can make the library raise anything
            return None
        if summary is None or summary.statistics is None:
            return None
        if summary.statistics.message_count and not summary.chunk_indexes:
            return None
        statistics = summary.statistics
        self._channels, self._schemas = dict(summary.channels), dict(summary.schemas)
        self._counts = dict(statistics.channel_message_counts)
        if statistics.message_count:
            self.span_ns = (statistics.message_start_time, statistics.message_end_time)
        return reader

    def _index_is_whole(self) -> bool:
        """Return whether the check sum of the index holds; writers may leave it out (0)."""
        self._file.seek(-_FOOTER_BYTES - len(_MAGIC), io.SEEK_END)
        footer = self._file.read(_FOOTER_BYTES)
        start, _, checksum = struct.unpack("<QQI", footer[_RECORD_HEADER_BYTES:])
        if footer[0] != Opcode.FOOTER or not 0 < start < self._size():
            return False
        self._file.seek(start)
        # The sum covers the summary and the footer up to, but without, the sum itself.
        content = self._file.read(self._size() - len(_MAGIC) - 4 - start)
        self._file.seek(0)
        return checksum in (0, zlib.crc32(content))

    def _scan(self) -> None:
        """Find topics and counts by reading the whole file once."""
        counts: dict[int, int] = {}
        first_ns, last_ns = None, None
        with contextlib.suppress(StorageDamagedError):
            for message in self._records():
                counts[message.channel_id] = counts.get(message.channel_id, 0) + 1
                first_ns = message.log_time if first_ns is None else min(first_ns, message.log_time)
                last_ns = message.log_time if last_ns is None else max(last_ns, message.log_time)
        self._counts = counts
        if first_ns is not None and last_ns is not None:
            self.span_ns = (first_ns, last_ns)
        if not self._channels:
            self._file.close()
            raise BagError(self.path, "is damaged before its first message", self.fix)

    def _by_recording(self, topics: Collection[str] | None) -> Iterator[BagMessage]:
        for message in self._records():
            channel = self._channels.get(message.channel_id)
            if channel is None:
                raise StorageDamagedError(
                    f"a message belongs to no topic (id {message.channel_id})"
                )
            if topics is None or channel.topic in topics:
                yield self._message(channel, message)

    def _records(self) -> Iterator[Message]:
        """Yield the messages of the file from its beginning, and those of a chunk that is cut."""
        self._file.seek(0)
        stream = StreamReader(
            self._file, emit_chunks=True, validate_crcs=False, record_size_limit=self._size()
        )
        records = iter(stream.records)
        offset = len(_MAGIC)
        while True:
            try:
                with _damage():
                    record = next(records, None)
                    found = self._unpack(record)
            except StorageDamagedError:
                yield from self._messages_of(self._salvage(offset))
                raise
            if record is None:
                return
            yield from found
            offset = self._file.tell()

    def _unpack(self, record: Any) -> list[Message]:
        if isinstance(record, Chunk):
            return self._messages_of(breakup_chunk(record, validate_crc=True))
        return self._messages_of([] if record is None else [record])

    def _messages_of(self, records: Collection[Any]) -> list[Message]:
        """Note topics and types and return the messages in order of time."""
        for record in records:
            if isinstance(record, Schema):
                self._schemas[record.id] = record
            elif isinstance(record, Channel):
                self._channels[record.id] = record
        found = [record for record in records if isinstance(record, Message)]
        return sorted(found, key=lambda message: message.log_time)

    def _salvage(self, offset: int) -> list[Any]:
        """Return the whole records of a chunk that begins at ``offset`` and is cut off."""
        self._file.seek(offset)
        head = self._file.read(_RECORD_HEADER_BYTES)
        if len(head) < _RECORD_HEADER_BYTES or head[0] != Opcode.CHUNK:
            return []
        (length,) = struct.unpack("<Q", head[1:])
        body = self._file.read(min(length, self._size()))
        if len(body) == length:
            return []  # whole, but its check sum is wrong: nothing in it can be trusted
        with contextlib.suppress(Exception):
            return list(_whole_records(_decompress_cut(body)))
        return []

    def _message(self, channel: Channel, message: Message) -> BagMessage:
        return BagMessage(channel.topic, self._type_of(channel), message.log_time, message.data)

    def _type_of(self, channel: Channel) -> str:
        schema = self._schemas.get(channel.schema_id)
        return schema.name if schema is not None else ""

    def _size(self) -> int:
        return self.path.stat().st_size


@contextlib.contextmanager
def _damage() -> Iterator[None]:
    """Turn whatever the library raises on broken bytes into StorageDamagedError."""
    try:
        yield
    except (GeneratorExit, StorageDamagedError):
        raise
    except Exception as error:
        detail = str(error) or "the file ends too early"
        raise StorageDamagedError(f"{type(error).__name__}: {detail}") from error


def _decompress_cut(body: bytes) -> bytes:
    """Return the uncompressed beginning of the records of a chunk of which the end is missing."""
    fixed = struct.calcsize("<QQQI")
    (name_bytes,) = struct.unpack_from("<I", body, fixed)
    start = fixed + 4 + name_bytes
    compression = body[fixed + 4 : start].decode()
    records = body[start + 8 :]
    return _decompressor(compression)(records)


def _decompressor(compression: str) -> Callable[[bytes], bytes]:
    if compression == "zstd":
        import zstandard

        return functools.partial(_feed, zstandard.ZstdDecompressor().decompressobj())
    if compression == "lz4":
        import lz4.frame

        return functools.partial(_feed, lz4.frame.LZ4FrameDecompressor())
    return bytes


def _feed(decompressor: Any, data: bytes) -> bytes:
    """Decompress in small steps, so that one broken block costs no more than itself."""
    out = io.BytesIO()
    with contextlib.suppress(Exception):
        for start in range(0, len(data), 4096):
            out.write(decompressor.decompress(data[start : start + 4096]))
    return out.getvalue()


def _whole_records(data: bytes) -> Iterator[Any]:
    """Yield schemas, channels and messages up to the first record that is cut."""
    position = 0
    while position + _RECORD_HEADER_BYTES <= len(data):
        opcode, length = struct.unpack_from("<BQ", data, position)
        position += _RECORD_HEADER_BYTES
        if position + length > len(data):
            return
        stream = ReadDataStream(io.BytesIO(data[position : position + length]))
        if opcode == Opcode.SCHEMA:
            yield Schema.read(stream)
        elif opcode == Opcode.CHANNEL:
            yield Channel.read(stream)
        elif opcode == Opcode.MESSAGE:
            yield Message.read(stream, length)
        position += length
