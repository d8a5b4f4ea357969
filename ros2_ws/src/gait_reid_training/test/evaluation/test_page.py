"""The documentation page is made of reports and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_protocols import walks_of

from gait_reid_training.evaluation.page import main, page, without_folders
from gait_reid_training.evaluation.report import Subject, evaluate, write_report


def test_a_page_says_simulated_and_gives_intervals_commands_and_seeds(tmp_path: Path) -> None:
    about = {
        "simulated": True, "data": ["lrgait_test"], "split": "test",
        "command": "gait-reid eval -k base=/x/runs/base -m open_set --data /x/y/lrgait_test",
    }  # fmt: skip
    subjects = [
        Subject("base", walks_of(people=8, noise=0.8), {"network": "emgaitnet", "seed": 3}),
        Subject("other", walks_of(people=8, noise=1.0), {"network": "gaitbase", "seed": 3}),
    ]
    files = []
    for mode in ("cross_distance", "open_set"):
        report, outcomes = evaluate(subjects, mode, about)
        write_report(tmp_path / mode, report, subjects, outcomes)
        files.append(str(tmp_path / mode / "report.json"))
    main([*files, "-o", str(tmp_path / "recognition.md")])
    text = (tmp_path / "recognition.md").read_text(encoding="utf-8")
    assert text.startswith("# Recognition of simulated people")
    assert "All figures on this page are of simulated people" in text
    assert "## Recognition across distances: lrgait_test" in text
    assert "| base | emgaitnet |  |  | 3 |" in text
    assert "DIR at FAR 1 %" in text
    assert "base - other" in text
    assert "gait-reid eval -k base=runs/base -m open_set --data y/lrgait_test" in text
    assert "/x/" not in text


def test_commands_lose_their_folders() -> None:
    assert without_folders("a /b/c/d.yaml --x=1/2 ./e") == "a c/d.yaml --x=1/2 ./e"


def test_simulated_and_recorded_people_do_not_share_a_page() -> None:
    with pytest.raises(ValueError, match="not of both"):
        page([{"simulated": True}, {"simulated": False}])
    with pytest.raises(ValueError, match="needs a report"):
        page([])
