"""Results are kept as JSON, and the page gets its table without losing a word."""

from __future__ import annotations

import json

import pytest

from bench import report, rows
from bench.__main__ import main, parse_arguments
from bench.harness import Benchmark, Case, Contender, Missing, UnavailableError, run

ENVIRONMENT = {"cores": 2, "processor": "A processor", "python": "3.12", "versions": {"numpy": "2"}}


def result(promise=0.5, peer_ms=4.0, extra=None):
    case = Case(
        "some work",
        Contender("ours", lambda: {"time_ms": 1.0, **(extra or {})}),
        (Contender("theirs", lambda: {"time_ms": peer_ms}, "1.2"),),
        (Missing("another", "it is not installed"),),
    )
    return run(Benchmark("bag_reading", "Reading", lambda: case, rounds=2, promise=promise))


def test_json_has_samples_ratio_and_environment(tmp_path):
    path = report.write_json(result(), ENVIRONMENT, tmp_path)
    found = json.loads(path.read_text())
    assert path.name == "bag_reading.json"
    assert found["candidate"]["samples"] == [{"time_ms": 1.0}, {"time_ms": 1.0}]
    assert found["peers"][0]["ratio"] == {"median": 0.25, "q25": 0.25, "q75": 0.25}
    assert found["kept"] is True
    assert found["environment"]["processor"] == "A processor"


def test_figures_that_json_cannot_hold_become_null(tmp_path):
    path = report.write_json(result(peer_ms=float("nan")), ENVIRONMENT, tmp_path)
    assert json.loads(path.read_text())["peers"][0]["median"] is None
    assert "no common figure" in report.markdown(report.read_json(tmp_path))


def test_the_table_names_peer_version_ratio_and_promise(tmp_path):
    report.write_json(result(extra={"lost": 3.0}), ENVIRONMENT, tmp_path)
    table = report.markdown(report.read_json(tmp_path))
    ratio, promise = "**0.25** (0.25 to 0.25)", "at most 0.5: kept"
    assert f"| Reading | ours | theirs 1.2 | 1 ms | 4 ms | {ratio} | {promise} |" in table
    assert "another is not in the table: it is not installed" in table
    assert "ours: time_ms 1, lost 3." in table
    assert "Measured on 2 cores of A processor, Python 3.12, numpy 2." in table


def test_a_missed_promise_and_a_skipped_row_are_visible(tmp_path):
    report.write_json(result(promise=0.1), ENVIRONMENT, tmp_path)
    assert "at most 0.1: **missed**" in report.markdown(report.read_json(tmp_path))

    def build():
        raise UnavailableError("no ROS")

    report.write_json(run(Benchmark("tracking", "Tracking", build)), ENVIRONMENT, tmp_path)
    assert "not measured: no ROS" in report.markdown(report.read_json(tmp_path))


FIGURES = [
    (0.004321, "0.00432"),
    (12345.6, "12300"),
    (0, "0"),
    (1.0, "1"),
    (None, "none"),
    (2e-7, "0.0000002"),
]


@pytest.mark.parametrize(("value", "text"), FIGURES)
def test_figures_have_three_digits_and_no_exponent(value, text):
    assert report.figure(value) == text


def test_only_what_is_between_the_markers_changes():
    page = f"# Page\nbefore\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    changed = report.replace_between_markers(page, "new")
    assert changed == f"# Page\nbefore\n{report.BEGIN}\nnew\n{report.END}\nafter\n"
    assert report.replace_between_markers(changed, "new") == changed
    assert report.replace_between_markers("# Page\n", "new").startswith("# Page\n\n<!--")
    with pytest.raises(ValueError, match="needs the line"):
        report.replace_between_markers(f"{report.END}\n{report.BEGIN}", "new")


def test_the_command_writes_result_and_page_and_reports_the_verdict(tmp_path, monkeypatch, capsys):
    fast = Contender("ours", lambda: {"time_ms": 1.0})
    slow = Contender("theirs", lambda: {"time_ms": 2.0})
    missed = Benchmark("tracking", "Tracking", lambda: Case("work", fast, (slow,)), promise=0.1)
    monkeypatch.setattr(rows, "load", lambda name: missed)
    arguments = ["--results", str(tmp_path), "--docs", str(tmp_path / "page.md"), "--rounds", "1"]
    assert main(["tracking", *arguments]) == 1
    assert "PROMISE MISSED" in capsys.readouterr().out
    assert "Tracking" in (tmp_path / "page.md").read_text()


def test_results_and_page_lie_in_the_repository_unless_told_otherwise():
    options = parse_arguments([])
    assert options.docs.parts[-2:] == ("docs", "benchmarks.md")
    assert options.results.parts[-2:] == ("bench", "results")


def test_an_unknown_name_is_refused_with_the_known_ones(capsys):
    assert main(["speed"]) == 2
    assert "person_clusters" in capsys.readouterr().err
    assert main(["--list"]) == 0
    assert capsys.readouterr().out.split() == list(rows.names())


@pytest.mark.parametrize("name", ["person_clusters", "tracking", "synchronisation"])
def test_every_contender_of_a_row_does_its_work(name):
    case = rows.load(name).build()
    for contender in (case.candidate, *case.peers):
        assert contender.measure()[rows.load(name).metric] > 0
