"""Lines of several programs on one terminal."""

import io

from vprinter_cli.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_every_line_says_whose_it_is() -> None:
    stream = io.StringIO()
    console = Console.on(stream, ("ftps", "control"), {})
    console.say("ftps", "listening")
    console.say("control", "started")
    assert stream.getvalue() == "ftps    | listening\ncontrol | started\n"


def test_a_terminal_gets_a_colour_per_program() -> None:
    stream = Terminal()
    console = Console.on(stream, ("ftps", "mqtt"), {})
    console.say("ftps", "same")
    console.say("mqtt", "same")
    first, second = stream.getvalue().splitlines()
    assert first.startswith("\x1b[")
    assert first[:5] != second[:5]


def test_no_color_is_honoured() -> None:
    stream = Terminal()
    Console.on(stream, ("ftps",), {"NO_COLOR": "1"}).say("ftps", "plain")
    assert stream.getvalue() == "ftps | plain\n"


def test_what_a_stranger_sent_cannot_steer_the_terminal() -> None:
    stream = io.StringIO()
    Console.on(stream, ("ftps",), {}).say("ftps", "USER \x1b[2J\x07\x9bname\tü")
    assert stream.getvalue() == "ftps | USER \\x1b[2J\\x07\\x9bname\tü\n"


def test_a_reader_that_went_away_stops_nothing() -> None:
    class Gone(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError

    Console.on(Gone(), ("ftps",), {}).say("ftps", "unheard")
    closed = io.StringIO()
    console = Console.on(closed, ("ftps",), {})
    closed.close()
    console.block("unheard too")
