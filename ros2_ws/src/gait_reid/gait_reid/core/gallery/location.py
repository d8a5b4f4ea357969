"""Where the gallery lies when nobody says otherwise; the node and the command line agree on it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gait_reid.core.gallery.crypto import KEY_VARIABLE, KeySource, key_source
from gait_reid.core.gallery.errors import GalleryError, GalleryKeyError
from gait_reid.core.gallery.insert import StoreConfig
from gait_reid.core.gallery.store import GalleryStore, open_store

PASSPHRASE_VARIABLE = "GAIT_REID_EXPORT_PASSPHRASE"
_DATABASE, _KEY = "gallery.sqlite", "gallery.key"


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the user's folder for the gallery (XDG base directory specification)."""
    base = environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "gait_reid"


def open_gallery(
    url: str = "",
    key_file: str = "",
    config: StoreConfig | None = None,
    environment: Mapping[str, str] = os.environ,
    create: bool = True,
) -> GalleryStore:
    """Open the gallery that a user means.

    Args:
        url: Path or database URL; empty: a SQLite file in `data_folder`.
        key_file: File with the master key, made on first use; empty: the environment variable
            GAIT_REID_GALLERY_KEY where it is set, else a file beside the default gallery.
        config: How records are kept.
        environment: Variables to look at.
        create: Whether to make the gallery where there is none.

    Raises:
        GalleryError: The gallery cannot be opened; the message names the fix.
    """
    folder = data_folder(environment)
    if not url or not (key_file or environment.get(KEY_VARIABLE)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key: KeySource = key_source(
        key_file or ("" if environment.get(KEY_VARIABLE) else folder / _KEY), environment
    )
    return open_store(url or str(folder / _DATABASE), key, config, create)


def passphrase(environment: Mapping[str, str] = os.environ) -> str:
    """Return the passphrase of exported files, which no topic, log or parameter may show.

    Raises:
        GalleryKeyError: The variable is not set.
    """
    value = environment.get(PASSPHRASE_VARIABLE, "")
    if not value:
        raise GalleryKeyError(f"no passphrase: set {PASSPHRASE_VARIABLE} where the node runs")
    return value


def exchange_path(folder: str, name: str) -> Path:
    """Return the path of an exported file; a request from outside reaches no other folder.

    Raises:
        GalleryError: There is no folder, or the name leads out of it.
    """
    if not folder:
        raise GalleryError("export and import are off: set parameter 'export_directory'")
    root = Path(folder).expanduser().resolve()
    path = (root / name).resolve()
    if not name or path == root or not path.is_relative_to(root):
        raise GalleryError(f"path is '{name}', allowed: a file below {root}")
    return path
