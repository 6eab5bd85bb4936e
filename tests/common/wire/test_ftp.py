import ftplib
from ipaddress import IPv4Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vprinter_common.wire.ftp import (
    MAX_LINE,
    Command,
    FtpSyntaxError,
    epsv_reply,
    parse_command,
    parse_epsv,
    parse_pasv,
    pasv_reply,
    reply,
)

addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
ports = st.integers(1, 65535)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=200)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"USER bblp\r\n", Command("USER", "bblp")),
        (b"user bblp\n", Command("USER", "bblp")),
        (b"QUIT", Command("QUIT")),
        (b"STOR  two blanks .3mf \r\n", Command("STOR", " two blanks .3mf ")),
        ("STOR Würfel.3mf\r\n".encode(), Command("STOR", "Würfel.3mf")),
        ("STOR Würfel.3mf\r\n".encode("latin-1"), Command("STOR", "Würfel.3mf")),
        (b"STOR a\0b\rc.3mf\r\n", Command("STOR", "abc.3mf")),
        (b"STOR verify_job\r\n\0", Command("STOR", "verify_job")),
    ],
)
def test_a_line_is_a_verb_and_what_follows(line: bytes, command: Command) -> None:
    assert parse_command(line) == command


@pytest.mark.parametrize(
    "line",
    [b"\xff\xf4\xff\xf2ABOR\r\n", b"\xff\xf4ABOR\r\n", b"\xff\xfb\x01ABOR\r\n", b"ABOR\xff\xfd"],
)
def test_telnet_around_a_command_is_dropped(line: bytes) -> None:
    assert parse_command(line) == Command("ABOR")


@pytest.mark.parametrize(
    ("letters", "text"), [(b"\xff", "ÿ"), (b"\xff\xff", "ÿ"), (b"\xffx", "ÿx"), (b"\xe4\xff.", "äÿ.")]
)
def test_the_letter_that_telnet_uses_survives_in_names(letters: bytes, text: str) -> None:
    assert parse_command(b"STOR " + letters + b"\r\n") == Command("STOR", text)


@pytest.mark.parametrize(
    "line", [b"", b"\r\n", b" USER\r\n", b"12\r\n", b"GET/ HTTP\r\n", b"TOOLONGVERB x", "ÄB x".encode()]
)
def test_what_is_no_verb_is_refused(line: bytes) -> None:
    with pytest.raises(FtpSyntaxError, match="is not an FTP verb"):
        parse_command(line)


def test_a_line_has_a_limit() -> None:
    assert parse_command(b"STOR " + b"x" * (MAX_LINE - 7) + b"\r\n").argument == "x" * (MAX_LINE - 7)
    with pytest.raises(FtpSyntaxError, match="more than 4096 bytes"):
        parse_command(b"STOR " + b"x" * MAX_LINE)


def test_a_password_does_not_show_in_text() -> None:
    assert str(parse_command(b"PASS 12345678\r\n")) == "PASS ***"
    assert str(parse_command(b"STOR a.3mf\r\n")) == "STOR a.3mf"
    assert str(parse_command(b"QUIT\r\n")) == "QUIT"


@given(line=st.binary(max_size=300))
@example(line=b"\xff")
def test_garbage_is_a_command_or_a_syntax_error(line: bytes) -> None:
    try:
        command = parse_command(line)
    except FtpSyntaxError:
        return
    assert command.verb.isalpha()
    assert not set(command.argument) & set("\r\n\0")


@given(name=names)
def test_utf8_names_come_through_unchanged(name: str) -> None:
    assert parse_command(f"STOR {name}\r\n".encode()).argument == name


def test_replies_of_one_line_and_of_many() -> None:
    assert reply(226, "Stored.") == b"226 Stored.\r\n"
    assert reply(200) == b"200 \r\n"
    assert reply(211, "Features:", "PASV", "211 SIZE", "End") == b"211-Features:\r\n PASV\r\n 211 SIZE\r\n211 End\r\n"
    assert reply(211, "a", "b") == b"211-a\r\n211 b\r\n"


@given(lines=st.lists(st.text(max_size=40), max_size=5))
def test_no_text_can_end_a_reply_or_start_another(lines: list[str]) -> None:
    sent = reply(250, *lines)
    *all_but_last, last, nothing = sent.split(b"\r\n")
    assert nothing == b""
    assert last.startswith(b"250 ")
    assert all(line.startswith((b"250-", b" ")) for line in all_but_last)
    assert not any(set(line) & set(b"\r\n\0") for line in [*all_but_last, last])


@given(address=addresses, port=ports)
def test_ftplib_understands_our_passive_replies(address: IPv4Address, port: int) -> None:
    assert ftplib.parse227(pasv_reply(address, port).decode().strip()) == (str(address), port)
    assert ftplib.parse229(epsv_reply(port).decode().strip(), ("192.0.2.9", 990)) == ("192.0.2.9", port)


@given(address=addresses, port=ports)
def test_passive_replies_round_trip(address: IPv4Address, port: int) -> None:
    assert parse_pasv(pasv_reply(address, port).decode()) == (address, port)
    assert parse_epsv(epsv_reply(port).decode()) == port


def test_passive_replies_of_other_servers_are_understood() -> None:
    assert parse_pasv("227 =10,0,0,9,7,232") == (IPv4Address("10.0.0.9"), 2024)
    assert parse_pasv("227 Entering Passive Mode (0,0,0,0,195,80).") == (IPv4Address("0.0.0.0"), 50000)
    assert parse_epsv("229 ok (!!!50001!)") == 50001


@pytest.mark.parametrize(
    "text", ["", "227 (1,2,3,4,5)", "227 (256,0,0,1,1,1)", "227 (10,0,0,1,0,0)", "227 (1,2,3,4,5,1234)"]
)
def test_a_227_without_a_usable_address_is_refused(text: str) -> None:
    with pytest.raises(FtpSyntaxError, match="no address and port in"):
        parse_pasv(text)


@pytest.mark.parametrize("text", ["", "229 (|||0|)", "229 (|||65536|)", "229 (||50000|)", "229 |||5|", "229 (|!|5|)"])
def test_a_229_without_a_usable_port_is_refused(text: str) -> None:
    with pytest.raises(FtpSyntaxError, match="no port in"):
        parse_epsv(text)


@given(text=st.text(max_size=100))
def test_garbage_instead_of_a_passive_reply_is_a_syntax_error(text: str) -> None:
    for parse in (parse_pasv, parse_epsv):
        try:
            parse(text)
        except FtpSyntaxError:
            continue
