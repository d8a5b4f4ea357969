"""Commands that work on a gallery directly: list, forget, merge, export, import, purge, rotate-key.

They may run while a gallery node has the same gallery open; the node publishes what changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from gait_reid.cli.console import OUT, reporting_errors
from gait_reid.core.gallery.errors import UnknownPersonError
from gait_reid.core.gallery.export import PASSPHRASE_VARIABLE
from gait_reid.core.gallery.insert import StoreConfig
from gait_reid.core.gallery.location import open_gallery
from gait_reid.core.gallery.records import GalleryPerson
from gait_reid.core.gallery.store import GalleryStore
from gait_reid.core.gallery.vault import ENCRYPTED

GALLERY = typer.Option(
    "", "--gallery", help="SQLite file or database URL; empty: the user's gallery."
)
KEY_FILE = typer.Option(
    "",
    "--key-file",
    help="File with the master key; empty: GAIT_REID_GALLERY_KEY, else the user's key file.",
)
PROTECTION = typer.Option(
    ENCRYPTED, "--protection", help="How the gallery was made: encrypted, rotated or plain."
)
EXPORTED = typer.Argument(..., help="File to make.")
ONLY = typer.Option([], "--person", help="Whom to export, repeatable; without it everybody.")
IMPORTED = typer.Argument(..., help="File that export wrote.")
MODELS = typer.Option([], "--model", help="Model to take, repeatable; without it every model.")
YES = typer.Option(False, "--yes", "-y", help="Do not ask.")


def register(app: typer.Typer) -> None:
    """Add the commands to an application."""
    app.command("list")(list_persons)
    app.command("forget")(forget)
    app.command("merge")(merge)
    app.command("export")(export)
    app.command("import")(import_)
    app.command("purge")(purge)
    app.command("rotate-key")(rotate_key)


@contextmanager
def opened(
    gallery: str, key_file: str, config: StoreConfig, create: bool = False
) -> Iterator[GalleryStore]:
    """Open a gallery; an error ends the command with one line."""
    with reporting_errors(), open_gallery(gallery, key_file, config, create=create) as store:
        yield store


def config_of(protection: str, require_consent: bool = True) -> StoreConfig:
    """Return how to open a gallery; a wrong protection ends the command."""
    try:
        return StoreConfig(protection=protection, require_consent=require_consent)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def list_persons(
    gallery: str = GALLERY,
    key_file: str = KEY_FILE,
    protection: str = PROTECTION,
    as_json: bool = typer.Option(False, "--json", help="Write one JSON list."),
) -> None:
    """List who is enrolled."""
    with opened(gallery, key_file, config_of(protection)) as store:
        persons, version, where = store.persons(), store.version, store.where
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in persons], indent=2))
        return
    OUT.print(f"{where}, version {version}", markup=False, soft_wrap=True, highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("person, merged ids, models", no_wrap=True)
    table.add_column("name", overflow="fold")
    for title in ("walks", "consent", "since", "until"):
        table.add_column(title, no_wrap=True)
    for one in persons:
        table.add_row(*_row(one))
    OUT.print(table)
    walks = sum(one.num_records for one in persons)
    OUT.print(f"{len(persons)} persons, {walks} walks", highlight=False)


def _row(person: GalleryPerson) -> tuple[str, ...]:
    merged = (f"= {one}" for one in person.aliases)
    models = (f"  {one}" for one in person.model_ids)
    return (
        escape("\n".join((person.person_id, *merged, *models))),
        escape(person.display_name),
        str(person.num_records),
        "yes" if person.consent else "no",
        _date(person.created_ns),
        "forgotten" if person.expires_ns is None else _date(person.expires_ns),
    )


def _date(stamp_ns: int) -> str:
    moment = datetime.fromtimestamp(stamp_ns // 1_000_000_000, timezone.utc)
    return moment.astimezone().strftime("%Y-%m-%d")


def _person(store: GalleryStore, person_id: str) -> GalleryPerson:
    """Return a person by any id.

    Raises:
        UnknownPersonError: Nobody of this id is enrolled.
    """
    today = store.resolve(person_id)
    for one in store.persons():
        if one.person_id == today:
            return one
    raise UnknownPersonError(f"person {person_id} is not enrolled in {store.where}; see list")


def _called(person: GalleryPerson) -> str:
    name = f" ({person.display_name})" if person.display_name else ""
    return f"{person.person_id}{name}, {person.num_records} walks"


def _confirm(question: str, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True)


def forget(
    person_id: str = typer.Argument(..., help="Person, by any of the merged ids."),
    gallery: str = GALLERY,
    key_file: str = KEY_FILE,
    protection: str = PROTECTION,
    yes: bool = YES,
) -> None:
    """Delete every trace of a person: records, key, name, aliases, file and write-ahead log."""
    with opened(gallery, key_file, config_of(protection)) as store:
        person = _person(store, person_id)
        _confirm(f"Forget {_called(person)}? This cannot be undone.", yes)
        count = store.forget(person_id)
        typer.echo(f"forgot {count} walks of person {person.person_id}, version {store.version}")


def merge(
    person_id: str = typer.Argument(..., help="Person that stays."),
    merged_person_id: str = typer.Argument(..., help="Person that becomes an alias of it."),
    gallery: str = GALLERY,
    key_file: str = KEY_FILE,
    protection: str = PROTECTION,
    yes: bool = YES,
) -> None:
    """Make two persons one; the merged id stays valid."""
    with opened(gallery, key_file, config_of(protection)) as store:
        keep, merged = _person(store, person_id), _person(store, merged_person_id)
        _confirm(f"Merge {_called(merged)} into {_called(keep)}? This cannot be undone.", yes)
        version = store.merge(person_id, merged_person_id)
        typer.echo(f"{merged.person_id} is now {keep.person_id}, version {version}")


def export(
    path: Path = EXPORTED,
    person: list[str] = ONLY,
    gallery: str = GALLERY,
    key_file: str = KEY_FILE,
    protection: str = PROTECTION,
) -> None:
    """Write the gallery, or some persons, into a file encrypted with a passphrase."""
    with opened(gallery, key_file, config_of(protection)) as store:
        count = store.export(path, _passphrase(new=True), person)
        typer.echo(f"wrote {count} walks to {path}; keep the passphrase, it cannot be recovered")


def import_(
    path: Path = IMPORTED,
    model: list[str] = MODELS,
    without_consent: bool = typer.Option(
        False, "--without-consent", help="Take records without consent too."
    ),
    gallery: str = GALLERY,
    key_file: str = KEY_FILE,
    protection: str = PROTECTION,
) -> None:
    """Add the records of an exported file, and say which were refused and why."""
    config = config_of(protection, require_consent=not without_consent)
    with opened(gallery, key_file, config, create=True) as store:
        result = store.import_(path, _passphrase(new=False), model or None)
    typer.echo(f"added {result.num_records} walks, version {result.version}")
    for reason, count in sorted(result.refused.items()):
        typer.echo(f"refused {count}: {reason.replace('_', ' ')}")


def _passphrase(new: bool) -> str:
    """Return the passphrase from the environment, or ask for it without showing it."""
    return os.environ.get(PASSPHRASE_VARIABLE) or str(
        typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new)
    )


def purge(gallery: str = GALLERY, key_file: str = KEY_FILE, protection: str = PROTECTION) -> None:
    """Delete records whose retention is over, and clean the files."""
    with opened(gallery, key_file, config_of(protection)) as store:
        count = store.purge_expired()
        store.scrub()
        typer.echo(f"deleted {count} expired walks, version {store.version}")


def rotate_key(
    gallery: str = GALLERY,
    key_file: str = KEY_FILE,
    protection: str = PROTECTION,
    yes: bool = YES,
) -> None:
    """Replace the master key in its file; older copies of the gallery become unreadable."""
    with opened(gallery, key_file, config_of(protection)) as store:
        _confirm(f"Make every older copy of {store.where} unreadable, backups included?", yes)
        store.rotate_key()
        typer.echo("the master key was replaced")
