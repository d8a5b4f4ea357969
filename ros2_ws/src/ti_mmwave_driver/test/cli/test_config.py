"""mmwave-config from the outside."""

from __future__ import annotations

from pathlib import Path

from ti_mmwave_driver.cli.config import main

CONFIG = Path(__file__).parents[2] / "config"
PLAN = [
    *("plan", "--range-resolution", "0.047", "--max-range", "9.6", "--max-velocity", "2.3"),
    *("--velocity-resolution", "0.145", "--rate", "10"),
]


def test_check_accepts_and_describes_a_good_profile(capsys):
    assert main(["check", str(CONFIG / "mission_isk.cfg")]) == 0
    shown = capsys.readouterr().out
    assert "accepted for out_of_box_68xx, 0 errors" in shown
    assert "range resolution     0.0470 m" in shown
    assert "at most 3" in shown


def test_check_names_rule_line_and_limit(tmp_path, capsys):
    text = (CONFIG / "mission_isk.cfg").read_text().replace("adcCfg 2 1", "adcCfg 2 7")
    path = tmp_path / "wrong.cfg"
    path.write_text(text)
    assert main(["check", str(path)]) == 1
    line = text.splitlines().index("adcCfg 2 7") + 1
    expected = f"error: line {line}: adcCfg: output format is 7, allowed is 1 to 2 [argument_range]"
    assert expected in capsys.readouterr().out


def test_check_of_a_missing_file(tmp_path, capsys):
    assert main(["check", str(tmp_path / "none.cfg")]) == 2
    assert "none.cfg" in capsys.readouterr().err


def test_plan_writes_a_profile_that_check_accepts(tmp_path, capsys):
    path = tmp_path / "plan.cfg"
    assert main([*PLAN, "--board", "aop", "--output", str(path)]) == 0
    assert "unambiguous velocity +-2.3" in capsys.readouterr().err
    assert main(["check", str(path)]) == 0


def test_plan_says_why_it_cannot(capsys):
    assert main([*PLAN[:-1], "100"]) == 1
    assert "half of the 10 ms period" in capsys.readouterr().err
