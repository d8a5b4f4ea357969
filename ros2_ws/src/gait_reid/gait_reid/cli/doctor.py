"""``gait-reid doctor``: what works here, and what to do about the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from itertools import chain
from typing import Annotated

import typer
from rich.table import Table

from gait_reid.cli.checks.environment import (
    check_devices,
    check_gallery,
    check_ros,
    check_transport,
)
from gait_reid.cli.checks.finding import Finding, Severity
from gait_reid.cli.checks.graph import check_graph
from gait_reid.cli.checks.software import check_backends, check_software
from gait_reid.cli.console import OUT

_MARKS = {
    Severity.OK: "[green]ok[/]",
    Severity.WARNING: "[yellow]warning[/]",
    Severity.ERROR: "[red]error[/]",
}


def command(
    namespace: Annotated[
        str, typer.Option("--namespace", help="namespace of the site to look at")
    ] = "",
    graph: Annotated[
        bool, typer.Option("--graph/--no-graph", help="look at the running nodes")
    ] = True,
    problems: Annotated[
        bool, typer.Option("--problems", help="show warnings and errors only")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Look at software, ROS, transport, devices and the running site.

    The exit status is 0 when all is well, 1 with warnings, 2 with errors.
    """
    findings = list(
        chain(
            check_software(),
            check_backends(),
            check_ros(),
            check_transport(),
            check_devices(),
            check_gallery(),
            check_graph(namespace) if graph else (),
        )
    )
    worst = max(finding.severity for finding in findings)
    shown = [f for f in findings if f.severity or not problems]
    if as_json:
        items = [{**asdict(f), "severity": f.severity.name.lower()} for f in shown]
        print(json.dumps(items, indent=1))
    else:
        OUT.print(_table(shown))
        OUT.print(_verdict(findings))
    raise typer.Exit(int(worst))


def _table(findings: Iterable[Finding]) -> Table:
    table = Table()
    for heading in ("area", "thing", "", "state and what to do"):
        table.add_column(heading, overflow="fold")
    area = ""
    for finding in findings:
        if finding.area != area:
            table.add_section()
        shown, area = ("" if finding.area == area else finding.area), finding.area
        text = finding.state + (f"\n-> {finding.fix}" if finding.fix else "")
        table.add_row(shown, finding.thing, _MARKS[finding.severity], text.replace("[", r"\["))
    return table


def _verdict(findings: Iterable[Finding]) -> str:
    severities = [finding.severity for finding in findings]
    errors, warnings = severities.count(Severity.ERROR), severities.count(Severity.WARNING)
    if not errors and not warnings:
        return "all is well"
    return f"{errors} errors, {warnings} warnings"
