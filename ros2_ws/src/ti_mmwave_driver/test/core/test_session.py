"""The conversation on the command port, against scripted bytes and real transcripts."""

from __future__ import annotations

import re
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gait_reid_common.testing import shared_data
from ti_mmwave_driver.core.errors import (
    CommandRefusedError,
    DeviceFailedError,
    DeviceRestartedError,
    NoReplyError,
    RebootRequiredError,
)
from ti_mmwave_driver.core.profile import parse_profile
from ti_mmwave_driver.core.replies import PROMPT, DeviceEventKind, Outcome, TokenSplitter
from ti_mmwave_driver.core.session import CliSession, Timeouts

FAST = Timeouts(command_s=0.05, start_s=0.05, prompt_s=0.02)


class ScriptedPort:
    """Answers each written line with the next scripted bytes."""

    def __init__(self, *answers: bytes, stray: bytes = b"") -> None:
        self.answers = deque(answers)
        self.written: list[bytes] = []
        self.pending = bytearray(stray)

    @property
    def in_waiting(self) -> int:
        return len(self.pending)

    def read(self, size: int = 1) -> bytes:
        data = bytes(self.pending[:size])
        del self.pending[:size]
        return data

    def write(self, data: bytes) -> int:
        self.written.append(data)
        if self.answers:
            self.pending += self.answers.popleft()
        return len(data)

    def reset_input_buffer(self) -> None:
        self.pending.clear()


def answer(command: str, *lines: str) -> bytes:
    text = f"{command}\n" + "".join(f"{line}\n\r" for line in lines) + PROMPT
    return text.encode("ascii")


def session(*answers: bytes, stray: bytes = b"") -> tuple[CliSession, ScriptedPort]:
    port = ScriptedPort(*answers, stray=stray)
    return CliSession(port, FAST), port


def test_the_bytes_of_a_real_board():
    cli, _ = session(b"sensorStop\nIgnored: Sensor is already stopped\n\rDone\n\rmmwDemo:/>")
    reply = cli.send("sensorStop")
    assert reply.outcome is Outcome.DONE
    assert reply.ignored == "Ignored: Sensor is already stopped"


def test_a_prompt_glued_to_the_echo_is_told_apart():
    cli, _ = session(b"mmwDemo:/>flushCfg\nDone\n\rmmwDemo:/>")
    assert cli.send("flushCfg").outcome is Outcome.DONE


def test_a_reply_with_only_a_prompt_is_a_success():
    cli, _ = session(b"flushCfg\nmmwDemo:/>")
    assert cli.send("flushCfg").outcome is Outcome.PROMPT_ONLY


def test_the_reply_of_the_command_before_is_not_mistaken():
    cli, port = session(answer("adcCfg 2 1", "Done"), answer("flushCfg", "Done"))
    cli.send("adcCfg 2 1")
    port.pending += b"late line\n\r"
    assert cli.send("flushCfg").command == "flushCfg"


@pytest.mark.parametrize(
    ("lines", "code", "says"),
    [
        (("Error: Invalid usage of the CLI command", "Error -1"), -1, "Invalid usage"),
        (("'flushcfg' is not recognized as a CLI command",), None, "not recognized"),
        (("mmWave Config failed [Error code: -3109 Subsystem: 71]", "Error -3109"), -3109, "71"),
    ],
)
def test_refusals_carry_the_words_of_the_firmware(lines, code, says):
    cli, _ = session(answer("flushcfg", *lines))
    with pytest.raises(CommandRefusedError, match=says) as caught:
        cli.send("flushcfg")
    assert caught.value.reply.error_code == code


def test_comments_are_skipped():
    cli, _ = session(answer("% note", "Skipped"))
    assert cli.send("% note").outcome is Outcome.SKIPPED


def test_the_first_start_reports_its_calibration():
    cli, _ = session(answer("sensorStart", "Debug: Init Calibration Status = 0x1ffe", "Done"))
    cli.start()


def test_silence_is_an_error_that_shows_what_came():
    cli, _ = session(b"adcCfg 2 1\nhalf a re")
    with pytest.raises(NoReplyError, match=r"no reply to 'adcCfg 2 1' within 0\.05 s"):
        cli.send("adcCfg 2 1")


def test_an_exception_during_a_command():
    cli, _ = session(b"sensorStart\nException: mss_main.c, line 635.\n\r")
    with pytest.raises(DeviceFailedError, match="line 635"):
        cli.start()


def test_a_reset_during_a_command():
    cli, _ = session(b"sens\n\r****\n\rxWR68xx MMW Demo 03.05.00.04\n\r****\n\rmmwDemo:/>")
    with pytest.raises(DeviceRestartedError, match="MMW Demo"):
        cli.start()


def test_unasked_lines_are_collected():
    cli, port = session()
    port.pending += b"\n\rObj Det DPC Exception: objectdetection.c, line 7.\n\r"
    port.pending += b"xWR68xx MMW Demo 03.05.00.04\n\r"
    assert [event.kind for event in cli.events()] == [
        DeviceEventKind.EXCEPTION,
        DeviceEventKind.RESTART,
    ]
    assert cli.events() == []


def test_stray_bytes_are_flushed_before_the_first_command():
    cli, port = session(
        b"???\x7f' is not recognized as a CLI command\n\rmmwDemo:/>",
        answer("flushCfg", "Done"),
        stray=b"\x00\xff????~ half",
    )
    cli.synchronise()
    assert cli.send("flushCfg").outcome is Outcome.DONE
    assert port.written == [b"\n", b"flushCfg\n"]


def test_no_prompt_names_the_usual_causes():
    cli, _ = session()
    with pytest.raises(NoReplyError, match="SOP switches"):
        cli.synchronise(attempts=2)


@pytest.mark.parametrize("command", ["two\nlines", "tab\there", "ümlaut"])
def test_commands_must_be_one_printable_line(command):
    cli, _ = session()
    with pytest.raises(ValueError, match="printable ASCII"):
        cli.send(command)


def test_what_needs_a_reboot_is_refused_after_the_first_start():
    first = parse_profile("channelCfg 15 7 0\nadcCfg 2 1\nsensorStart")
    other = parse_profile("flushCfg\nchannelCfg 15 5 0\nadcCfg 2 1\nsensorStart")
    cli, port = session(
        answer("channelCfg 15 7 0", "Done"),
        answer("adcCfg 2 1", "Done"),
        answer("sensorStart", "Done"),
    )
    cli.apply(first)
    cli.start()
    with pytest.raises(RebootRequiredError, match=r"line 2: 'channelCfg 15 5 0'.*press NRST"):
        cli.apply(other)
    assert len(port.written) == 3
    port.pending += b"\n\rxWR68xx MMW Demo 03.05.00.04\n\rmmwDemo:/>"
    assert cli.events()[0].kind is DeviceEventKind.RESTART
    cli.refuse_reboot_changes(other)


def test_identity_and_state():
    cli, _ = session(
        answer("version", "Platform                : xWR68xx", "Lot number : 12", "Done"),
        answer("queryDemoStatus", "Sensor State: 3", "Data port baud rate: 921600", "Done"),
        answer("queryDemoStatus", "'queryDemoStatus' is not recognized as a CLI command"),
    )
    assert cli.identify() == {"Platform": "xWR68xx", "Lot number": "12"}
    assert cli.sensor_state() == 3
    assert cli.sensor_state() is None


@pytest.mark.parametrize(
    "name",
    [
        "IWR68__module_test__xwr68_R4_mmw_Demo_CLI_profile_3d_2020-09-25-14-16-38.log",
        "IWR68__module_test__xR64_R4_mmw_Demo_CLI_profile_3d_2020-09-25-14-28-25.log",
    ],
)
def test_transcripts_of_real_boards_replay(name):
    raw = shared_data(f"radar/cli_logs/{name}").read_bytes()
    text = raw.decode("latin-1").replace("\r", "")
    pairs = [
        (command.strip(), re.findall(r"^Data2? Read from serial port = (.*)$", block, re.M))
        for command, block in re.findall(
            r"^line from config file: (.*?)\n(.*?)(?=^line from config file|\Z)", text, re.M | re.S
        )
    ]
    assert len(pairs) > 60
    answers = []
    for command, lines in pairs:
        # The transcript shows the lines that its script read: it stops reading behind an Ignored.
        shown = [line.strip() for line in lines]
        if any(line.startswith("Ignored") for line in shown):
            shown.append("Done")
        if shown == [f"{PROMPT}{command}"]:
            answers.append(f"{PROMPT}{command}\nDone\n\r{PROMPT}".encode())
        elif shown == [PROMPT]:
            answers.append(f"\n{PROMPT}".encode())
        else:
            answers.append(answer(command, *shown))
    cli, port = session(*answers)
    outcomes = [cli.send(command).outcome for command, _ in pairs]
    assert not port.answers
    assert outcomes[-1] is Outcome.DONE
    expected = {True: {Outcome.SKIPPED}, False: {Outcome.DONE, Outcome.PROMPT_ONLY}}
    for (command, _), outcome in zip(pairs, outcomes):
        assert outcome in expected[command.startswith("%")], command
        assert (outcome is Outcome.PROMPT_ONLY) == (command == "")


@given(st.binary(max_size=400), st.integers(1, 40))
def test_cutting_the_stream_anywhere_gives_the_same_tokens(noise, size):
    stream = noise + b"\n\r" + answer("flushCfg", "Done") + answer("adcCfg 2 1", "Error -1") + b"\n"
    whole = TokenSplitter().feed(stream)
    splitter = TokenSplitter()
    pieces = [
        token
        for start in range(0, len(stream), size)
        for token in splitter.feed(stream[start : start + size])
    ]
    assert pieces == whole
    assert whole[-6:] == ["flushCfg", "Done", PROMPT, "adcCfg 2 1", "Error -1", PROMPT]
