from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprinter_common.wire.ssdp import (
    MAX_DATAGRAM,
    MAX_HEADERS,
    MAX_VALUE_BYTES,
    URN,
    Alive,
    Announcement,
    ByeBye,
    Search,
    SearchResponse,
    notify_alive,
    notify_byebye,
    one_line,
    parse,
    sanitise_name,
    search_response,
)

PRINTER = Announcement("192.168.7.20", "00M09A391800001", "BL-P001", "Werkstatt Süd", "01.07.00.00")

NOTIFY = """\
NOTIFY * HTTP/1.1
Host: 239.255.255.250:1990
Server: UPnP/1.0
Location: 192.168.7.20
NT: urn:bambulab-com:device:3dprinter:1
NTS: ssdp:alive
USN: 00M09A391800001
Cache-Control: max-age=1800
DevModel.bambu.com: BL-P001
DevName.bambu.com: Werkstatt Süd
DevSignal.bambu.com: -44
DevConnect.bambu.com: lan
DevBind.bambu.com: free
Devseclink.bambu.com: secure
DevInf.bambu.com: eth0
DevVersion.bambu.com: 01.07.00.00
DevCap.bambu.com: 1

"""

P1S_NOTIFY = """\
NOTIFY * HTTP/1.1
Host: 239.255.255.250:1900
Server: UPnP/1.0
Location: 10.0.0.9
NT: urn:bambulab-com:device:3dprinter:1
USN: 01P00A000000001
Cache-Control: max-age=1800
DevModel.bambu.com: C12
DevName.bambu.com: P1S
DevSignal.bambu.com: -38
DevConnect.bambu.com: lan
DevBind.bambu.com: free
Devseclink.bambu.com: secure
DevVersion.bambu.com: 01.07.00.00
DevCap.bambu.com: 1

"""

words = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
names = st.text(st.characters(codec="utf-8"), min_size=1).map(sanitise_name)
announcements = st.builds(
    Announcement,
    st.ip_addresses(v=4).map(str),
    words.filter(bool),
    words.filter(bool),
    names,
    *[words] * 7,
)


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def test_an_announcement_has_the_headers_of_a_real_x1c_in_their_order() -> None:
    assert notify_alive(PRINTER) == crlf(NOTIFY)


def test_a_search_response_differs_in_start_line_host_st_and_nts() -> None:
    lines = NOTIFY.replace("NOTIFY * HTTP/1.1", "HTTP/1.1 200 OK").replace("NT: urn", "ST: urn").split("\n")
    expected = "\n".join(line for line in lines if not line.startswith(("Host", "NTS")))
    assert search_response(PRINTER) == crlf(expected)


def test_a_byebye_names_the_serial_and_nothing_else() -> None:
    expected = f"NOTIFY * HTTP/1.1\nHost: 239.255.255.250:1990\nNT: {URN}\nNTS: ssdp:byebye\nUSN: 00M\n\n"
    assert notify_byebye("00M") == crlf(expected)


@given(announcements)
def test_what_is_sent_is_understood(announcement: Announcement) -> None:
    assert parse(notify_alive(announcement)) == Alive(announcement)
    assert parse(search_response(announcement)) == SearchResponse(announcement)
    assert parse(notify_byebye(announcement.serial)) == ByeBye(announcement.serial)


def test_a_p1_without_nts_and_interface_is_understood() -> None:
    heard = parse(crlf(P1S_NOTIFY))
    assert heard == Alive(
        Announcement("10.0.0.9", "01P00A000000001", "C12", "P1S", "01.07.00.00", signal="-38", inf="")
    )


def test_a_p2_without_signal_is_understood_and_repeated_without_it() -> None:
    silent = replace(PRINTER, signal="", connect="cloud", bind="occupied", inf="wlan0")
    assert parse(notify_alive(silent)) == Alive(silent)
    assert b"DevSignal" not in notify_alive(silent)


def test_header_names_may_be_in_any_case_and_lines_may_end_in_lf() -> None:
    loud = "\n".join(
        name.upper() + colon + value for name, colon, value in (line.partition(":") for line in NOTIFY.split("\n"))
    )
    assert parse(loud.encode()) == Alive(PRINTER)


def test_of_two_headers_with_one_name_the_first_counts_and_what_follows_the_empty_line_does_not() -> None:
    datagram = notify_alive(PRINTER).replace(b"USN:", b"USN: FIRST\r\nUSN:") + b"DevCap.bambu.com: 2\r\n"
    assert parse(datagram) == Alive(replace(PRINTER, serial="FIRST"))


def test_a_name_that_is_not_utf_8_is_shown_as_well_as_it_can_be() -> None:
    heard = parse(notify_alive(PRINTER).replace("ü".encode(), b"\xfc"))
    assert heard == Alive(replace(PRINTER, name="Werkstatt S\ufffdd"))


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"hello",
        b"\xff" * 100,
        notify_alive(PRINTER).replace(b"3dprinter:1", b"toaster:1"),
        search_response(PRINTER).replace(b"3dprinter:1", b"toaster:1"),
        notify_alive(PRINTER).replace(b"ssdp:alive", b"ssdp:update"),
        notify_alive(PRINTER).replace(b"192.168.7.20", b"printer.local"),
        notify_alive(PRINTER).replace(b"USN:", b"X:"),
        notify_alive(PRINTER).replace(b"DevModel", b"X"),
        notify_byebye("00M").replace(b"USN:", b"X:"),
        search_response(PRINTER).replace(b"USN:", b"X:"),
        search_response(PRINTER).replace(b"200", b"404"),
        b"NOTIFY * HTTP/1.1",
    ],
)
def test_what_is_not_about_a_reachable_printer_is_nothing(datagram: bytes) -> None:
    assert parse(datagram) is None


def test_datagrams_that_are_too_long_or_have_too_many_headers_are_not_looked_at() -> None:
    whole = notify_alive(PRINTER)
    assert parse(whole + bytes(MAX_DATAGRAM - len(whole))) == Alive(PRINTER)
    assert parse(whole + bytes(MAX_DATAGRAM + 1 - len(whole))) is None
    assert parse(whole.replace(b"NT:", b"X: y\r\n" * MAX_HEADERS + b"NT:")) is None


@pytest.mark.parametrize("target", [URN, "ssdp:all", "SSDP:ALL"])
def test_a_search_for_printers_or_for_all_is_a_search(target: str) -> None:
    datagram = f'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1990\r\nMAN: "ssdp:discover"\r\nST: {target}\r\n\r\n'
    assert parse(datagram.encode()) == Search()


def test_a_search_for_something_else_is_not() -> None:
    assert parse(b"M-SEARCH * HTTP/1.1\r\nST: upnp:rootdevice\r\n\r\n") is None
    assert parse(b"ssdp:all") is None


def test_no_name_can_add_a_header() -> None:
    evil = replace(PRINTER, name="x\r\nDevBind.bambu.com: occupied\r\n\r\n", version="1\nNT: y")
    assert parse(notify_alive(evil)) == Alive(replace(evil, name="x DevBind.bambu.com: occupied", version="1 NT: y"))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Printer", "Printer"),
        ("  two\t\twords \x00\x1b[31m", "two words [31m"),
        ("line\u2028separator\u0085next", "line separator next"),
        ("left\u202eright", "left right"),
        ("surrogate\ud800", "surrogate"),
        ("👩\u200d🔧", "👩\u200d🔧"),
        ("", "Virtual Printer"),
        ("\r\n\t ", "Virtual Printer"),
        ("ä" * 40, "ä" * 32),
        ("a" + "ä" * 40, "a" + "ä" * 31),
        ("a" * 63 + " b", "a" * 63),
    ],
)
def test_names_become_one_short_line(text: str, name: str) -> None:
    assert sanitise_name(text) == name


def test_an_unnamed_printer_can_be_called_something_else() -> None:
    assert sanitise_name("\n", fallback="X1C") == "X1C"


@given(st.text())
def test_sanitised_names_are_short_and_stay_as_they_are(text: str) -> None:
    name = sanitise_name(text)
    assert name
    assert len(name.encode()) <= MAX_VALUE_BYTES
    assert sanitise_name(name) == one_line(name) == name


@given(st.binary(max_size=500))
def test_no_datagram_makes_parsing_fail(datagram: bytes) -> None:
    parse(datagram)


@given(st.sampled_from([notify_alive(PRINTER), search_response(PRINTER), notify_byebye("00M")]), st.data())
def test_no_damaged_datagram_makes_parsing_fail(datagram: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(datagram)))
    end = data.draw(st.integers(start, len(datagram)))
    parse(datagram[:start] + data.draw(st.binary(max_size=20)) + datagram[end:])
    parse(datagram[:start])
