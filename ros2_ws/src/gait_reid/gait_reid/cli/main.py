"""The ``gait-reid`` command."""

from __future__ import annotations

import typer

from gait_reid.cli import enroll, gallery, play, record, replay

app = typer.Typer(
    name="gait-reid",
    help="Recognises people by the way they walk.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("replay")(replay.command)
app.command("enroll")(enroll.command)
app.command("play")(play.command)
app.command("record")(record.command)
gallery.register(app)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
