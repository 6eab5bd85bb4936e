"""FTP's control dialogue, seen from the middle."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprinter_common.wire import ftp
from vprinter_common.wire.ftp_relay import (
    MAX_REPLY,
    Action,
    Begin,
    Connect,
    Dialogue,
    Direction,
    End,
    Leave,
    Lines,
    Replies,
    Reply,
    ToClient,
    ToPrinter,
    Transfer,
)

OURS = IPv4Address("192.168.7.20")
STOR = Transfer("STOR", "cube.gcode.3mf", Direction.UPLOAD)


def reply(text: str) -> Reply:
    replies = Replies()
    found = [replies.feed(line.encode() + b"\r\n") for line in text.split("\r\n")][-1]
    assert found is not None
    return found


class Talk:
    """A dialogue that has been greeted."""

    def __init__(self, leave: Leave = Leave.ALL) -> None:
        self.leave = leave
        self.dialogue = Dialogue(lambda: OURS, lambda: self.leave)
        assert self.printer("220 ready") == [ToClient(b"220 ready\r\n")]

    def client(self, line: str) -> list[Action]:
        data = line.encode() + b"\r\n"
        assert self.dialogue.accepts(data)
        return self.dialogue.command(data)

    def printer(self, text: str) -> list[Action]:
        return self.dialogue.reply(reply(text))

    def exchange(self, line: str, answer: str) -> None:
        """A command that passes, and an answer that passes."""
        assert self.client(line) == [ToPrinter(line.encode() + b"\r\n")]
        assert self.printer(answer) == [ToClient(answer.encode() + b"\r\n")]


def test_commands_and_replies_pass_one_at_a_time() -> None:
    talk = Talk()
    assert talk.client("USER bblp") == [ToPrinter(b"USER bblp\r\n")]
    assert not talk.dialogue.accepts(b"PASS x\r\n")
    talk.printer("331 code?")
    talk.exchange("PASS Sesame42", "230 in")
    talk.exchange("FEAT", "211-Features:\r\n EPSV\r\n211 End")


def test_nothing_is_taken_before_the_greeting_which_may_be_announced() -> None:
    dialogue = Dialogue(lambda: OURS, lambda: Leave.ALL)
    assert not dialogue.accepts(b"USER bblp\r\n")
    assert dialogue.reply(reply("120 soon")) == [ToClient(b"120 soon\r\n")]
    assert not dialogue.accepts(b"USER bblp\r\n")


def test_a_line_cannot_hide_another_one() -> None:
    assert Talk().client("NOOP \rDELE x\0") == [ToPrinter(b"NOOP DELE x\r\n")]


@pytest.mark.parametrize(
    ("asked", "said", "port", "told"),
    [
        ("EPSV", "229 Extended (|||50017|)", 50017, "229 Entering Extended Passive Mode (|||20005|)"),
        ("PASV", "227 Passive (10,0,0,9,195,97).", 50017, "227 Entering Passive Mode (192,168,7,20,78,37)."),
        ("PASV", "227 Passive (0,0,0,0,7,232).", 2024, "227 Entering Passive Mode (192,168,7,20,78,37)."),
    ],
)
def test_the_way_to_a_data_port_leads_through_ours(asked: str, said: str, port: int, told: str) -> None:
    talk = Talk()
    talk.client(asked)
    assert talk.printer(said) == [Connect(port)]
    assert not talk.dialogue.accepts(b"NOOP\r\n")
    assert talk.dialogue.opened(20005) == [ToClient(told.encode() + b"\r\n")]
    assert talk.dialogue.accepts(b"NOOP\r\n")


def test_a_data_port_that_cannot_be_reached_or_read_is_not_told() -> None:
    talk = Talk()
    talk.client("EPSV")
    talk.printer("229 (|||50017|)")
    assert talk.dialogue.not_opened("port 50017 is closed") == [ToClient(b"425 port 50017 is closed\r\n")]
    for asked, said in (("PASV", "227 (10,0,0,9)"), ("EPSV", "229 somewhere"), ("NOOP", "228 (fe80::9)")):
        talk.client(asked)
        (told,) = talk.printer(said)
        assert isinstance(told, ToClient)
        assert told.data.startswith(b"425 ")


def test_a_printer_that_knows_no_epsv_says_so_itself() -> None:
    Talk().exchange("EPSV", "502 Command not implemented.")


def test_a_transfer_begins_with_its_command_and_ends_with_data_and_last_word() -> None:
    talk = Talk()
    assert talk.client("STOR cube.gcode.3mf") == [ToPrinter(b"STOR cube.gcode.3mf\r\n"), Begin(STOR)]
    assert talk.printer("150 go on") == [ToClient(b"150 go on\r\n")]
    assert talk.printer("226 have it") == [End(STOR, succeeded=True)]
    assert not talk.dialogue.accepts(b"ABOR\r\n")
    assert talk.dialogue.ended(None) == [ToClient(b"226 have it\r\n")]
    assert talk.dialogue.accepts(b"QUIT\r\n")


def test_a_success_is_not_passed_on_when_the_data_did_not_arrive() -> None:
    talk = Talk()
    talk.client("STOR cube.gcode.3mf")
    talk.printer("226 have it")
    assert talk.dialogue.ended("it broke") == [ToClient(b"426 it broke\r\n")]


def test_a_failure_is_passed_on_as_the_printer_says_it() -> None:
    talk = Talk()
    talk.client("STOR cube.gcode.3mf")
    assert talk.printer("553 no storage") == [End(STOR, succeeded=False)]
    assert talk.dialogue.ended("it broke") == [ToClient(b"553 no storage\r\n")]


def test_only_abor_is_taken_while_a_transfer_runs() -> None:
    talk = Talk()
    talk.client("RETR cube.gcode.3mf")
    assert not talk.dialogue.accepts(b"ABOR\r\n")  # too early: the printer has not begun
    talk.printer("150 here")
    assert not talk.dialogue.accepts(b"QUIT\r\n")
    assert talk.client("ABOR") == [ToPrinter(b"ABOR\r\n")]
    assert not talk.dialogue.accepts(b"ABOR\r\n")
    talk.printer("426 aborted")
    assert talk.dialogue.ended(None) == [ToClient(b"426 aborted\r\n")]
    assert talk.printer("226 abort done") == [ToClient(b"226 abort done\r\n")]


def test_what_the_printer_agreed_to_for_its_data_connections_is_known() -> None:
    talk = Talk()
    assert not talk.dialogue.is_private
    talk.exchange("PROT P", "200 private")
    assert talk.dialogue.is_private
    talk.exchange("PROT C", "536 no")
    assert talk.dialogue.is_private
    talk.exchange("PROT C", "200 clear")
    assert not talk.dialogue.is_private


@pytest.mark.parametrize("verb", ["PORT 1,2,3,4,5,6", "EPRT |1|1.2.3.4|5|", "LPSV", "AUTH TLS", "CCC"])
def test_what_would_lead_past_the_relay_is_refused_and_never_passed(verb: str) -> None:
    (told,) = Talk().client(verb)
    assert isinstance(told, ToClient)
    assert told.data[:3] in (b"502", b"503")


@pytest.mark.parametrize(
    ("leave", "passes", "refused"),
    [
        (Leave.LOOK, ("PWD", "SIZE x", "NOOP"), ("STOR x", "RETR x", "LIST", "EPSV", "DELE x", "SITE CHMOD", "XYZ")),
        (Leave.FILES, ("STOR x", "RETR x", "LIST", "EPSV", "DELE x", "PWD"), ("SITE CHMOD 1 x", "XYZ")),
        (Leave.ALL, ("STOR x", "SITE CHMOD 1 x", "XYZ"), ()),
    ],
)
def test_the_policy_decides_by_verb(leave: Leave, passes: tuple[str, ...], refused: tuple[str, ...]) -> None:
    for line in passes:
        assert Talk(leave).client(line)[0] == ToPrinter(line.encode() + b"\r\n")
    for line in refused:
        talk = Talk(leave)
        (told,) = talk.client(line)
        assert isinstance(told, ToClient)
        assert told.data.startswith(b"550 ")
        assert talk.dialogue.accepts(b"NOOP\r\n")


def test_a_printer_that_gives_up_waiting_may_say_so_unasked() -> None:
    assert Talk().printer("421 Timeout.") == [ToClient(b"421 Timeout.\r\n")]
    with pytest.raises(ftp.FtpSyntaxError, match="nobody asked"):
        Talk().printer("226 by the way")


def test_lines_that_are_no_commands_are_named() -> None:
    with pytest.raises(ftp.FtpSyntaxError):
        Talk().client("\x16\x03\x01")


@given(st.lists(st.sampled_from(["USER bblp", "STOR Würfel.3mf", "", "QUIT"]), max_size=6), st.data())
def test_lines_are_the_same_however_they_are_cut(lines: list[str], data: st.DataObject) -> None:
    whole = "".join(f"{line}\r\n" for line in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    assembler = Lines(100)
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert b"".join(line for piece in pieces for line in assembler.feed(piece)) == whole


@pytest.mark.parametrize("data", [b"x" * 100, b"x" * 100 + b"\n"])
def test_a_line_without_end_is_not_collected(data: bytes) -> None:
    with pytest.raises(ftp.FtpSyntaxError, match="a line of more than 100 bytes"):
        list(Lines(100).feed(data))


@pytest.mark.parametrize("line", [b"hello\r\n", b"22 x\r\n", b"999 x\r\n"])
def test_what_is_no_reply_is_refused(line: bytes) -> None:
    with pytest.raises(ftp.FtpSyntaxError, match="no FTP reply"):
        Replies().feed(line)


def test_a_reply_without_end_is_not_collected() -> None:
    replies, line = Replies(), b"x" * 1000 + b"\r\n"
    assert replies.feed(b"211-Status:\r\n") is None
    for _ in range(MAX_REPLY // len(line)):
        replies.feed(line)
    with pytest.raises(ftp.FtpSyntaxError, match="a reply of more than"):
        replies.feed(line)


def test_a_line_of_another_code_does_not_end_a_reply() -> None:
    replies = Replies()
    lines = [b"211-Status\r\n", b"226 is not the end\r\n", b"211-nor this\r\n", b"211 End\r\n"]
    found = [replies.feed(line) for line in lines]
    assert found[:3] == [None] * 3
    assert found[3] == Reply(211, "End", b"".join(lines))
