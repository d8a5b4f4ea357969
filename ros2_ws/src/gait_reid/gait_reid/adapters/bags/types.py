"""Message types of recordings, with or without an installed ROS."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from gait_reid.adapters.bags.errors import BagError

_LOGGER = logging.getLogger(__name__)

OWN_PACKAGE = "gait_reid_msgs"

# Not part of any distribution's common interfaces, but what Velodyne's own driver records.
_VELODYNE = {
    "velodyne_msgs/msg/VelodynePacket": "builtin_interfaces/Time stamp\nuint8[1206] data\n",
    "velodyne_msgs/msg/VelodyneScan": (
        "std_msgs/Header header\nvelodyne_msgs/VelodynePacket[] packets\n"
    ),
}


def _candidate_folders() -> Iterator[Path]:
    """Yield places where the .msg files may lie: sourced, installed, or the source tree."""
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        if prefix:
            yield Path(prefix) / "share" / OWN_PACKAGE / "msg"
    for parent in Path(__file__).resolve().parents:
        yield parent / OWN_PACKAGE / "share" / OWN_PACKAGE / "msg"
        yield parent / "share" / OWN_PACKAGE / "msg"
        yield parent / OWN_PACKAGE / "msg"


def own_message_folder() -> Path | None:
    """Return the folder with the .msg files of gait_reid_msgs, or None when it is not installed."""
    for folder in _candidate_folders():
        if (folder / "IdentityMatch.msg").is_file():
            return folder
    return None


@functools.cache
def message_types() -> Typestore:
    """Return the types of ROS 2 (those shared by Humble and Jazzy), of this suite and of Velodyne.

    The store is shared; types that a recording brings along go into a copy (`with_definitions`).
    """
    store = get_typestore(Stores.ROS2_HUMBLE)
    definitions = dict(_VELODYNE)
    folder = own_message_folder()
    if folder is not None:
        for path in sorted(folder.glob("*.msg")):
            definitions[f"{OWN_PACKAGE}/msg/{path.stem}"] = path.read_text()
    return with_definitions(store, definitions)


def with_definitions(store: Typestore, definitions: Mapping[str, str]) -> Typestore:
    """Return a store that also knows ``definitions`` (type name to .msg text).

    Texts may hold several types, separated the way rosbag2 records them. Types that are known
    already stay as they are; a text that cannot be read is left out with a warning, so that one odd
    topic does not make a recording unreadable.
    """
    unknown = {}
    for name, text in definitions.items():
        if name in store.fielddefs:
            continue
        try:
            types = get_types_from_msg(text, name)
        except Exception as error:  # the parser has no common base class for its errors
            _LOGGER.warning("the definition of %s cannot be read and is left out: %s", name, error)
            continue
        unknown.update({key: value for key, value in types.items() if key not in store.fielddefs})
    if not unknown:
        return store
    merged = get_typestore(Stores.EMPTY)
    merged.register({**store.fielddefs, **unknown})
    return merged


def require_own_types(store: Typestore) -> None:
    """Raise BagError when the messages of this suite are not known, with what to do."""
    if f"{OWN_PACKAGE}/msg/IdentityMatch" not in store.fielddefs:
        raise BagError(
            OWN_PACKAGE,
            "its message definitions were not found",
            "source the workspace (./run exec) or install the package gait_reid_msgs",
        )


@contextlib.contextmanager
def naming(topic: str, type_name: str) -> Iterator[None]:
    """Turn the errors of the message decoder into a BagError that names topic and type."""
    try:
        yield
    except BagError:
        raise
    except Exception as error:
        raise BagError(
            topic,
            f"a message is not a valid {type_name} ({error})",
            "check the recorder of this topic",
        ) from error
