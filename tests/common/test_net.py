import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator, Sequence
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import pytest

from tests.common.ports import free_port
from vprinter_common import net
from vprinter_common.net import AddressWatch, Interface

SETTING = "VPRINTER_FTPS__PORT"


def interface(name: str, *addresses: str, is_up: bool = True) -> Interface:
    return Interface(name, tuple(map(IPv4Interface, addresses)), is_up)


LO = interface("lo", "127.0.0.1/8")
ETH = interface("eth0", "192.168.1.5/24", "192.168.1.50/32", "10.0.0.1/8")


def test_this_host_has_a_loopback_interface_that_is_up() -> None:
    found = {each.name: each for each in net.interfaces()}
    assert IPv4Interface("127.0.0.1/8") in found["lo"].addresses
    assert found["lo"].is_up


@pytest.mark.parametrize(("flags", "is_up"), [("0x9\n", True), ("0x8\n", False), ("?", True), (None, True)])
def test_an_interface_is_down_only_if_the_kernel_says_so(tmp_path: Path, *, flags: str | None, is_up: bool) -> None:
    (tmp_path / "lo").mkdir()
    if flags is not None:
        (tmp_path / "lo" / "flags").write_text(flags)
    assert next(each for each in net.interfaces(tmp_path) if each.name == "lo").is_up is is_up


@pytest.mark.parametrize(
    ("address", "owned"),
    [
        ("192.168.1.5", True),
        ("192.168.1.50", True),
        ("192.168.1.6", False),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("128.0.0.1", False),
    ],
)
def test_all_of_the_loopback_network_is_this_host_and_else_only_its_addresses(*, address: str, owned: bool) -> None:
    assert net.owns(address, [LO, ETH]) is owned


def test_nothing_is_owned_through_an_interface_that_is_down() -> None:
    assert not net.owns("192.168.1.5", [interface("eth0", "192.168.1.5/24", is_up=False)])
    assert not net.owns("127.0.0.2", [ETH])


@pytest.mark.parametrize(
    ("address", "broadcast"),
    [
        ("192.168.1.5", "192.168.1.255"),
        ("192.168.1.50", "192.168.1.255"),
        ("10.0.0.1", "10.255.255.255"),
        ("127.0.0.7", "127.255.255.255"),
        ("172.16.0.1", "255.255.255.255"),
    ],
)
def test_announcements_go_to_the_network_the_address_is_in(address: str, broadcast: str) -> None:
    assert net.directed_broadcast(address, [LO, ETH]) == broadcast


def test_a_lone_floating_address_is_announced_to_everyone() -> None:
    assert net.directed_broadcast("10.1.1.1", [interface("wg0", "10.1.1.1/32")]) == "255.255.255.255"


def test_the_default_address_is_one_of_this_hosts() -> None:
    assert net.owns(net.default_address(), net.interfaces())


def test_without_a_route_the_default_address_is_loopback() -> None:
    assert net.default_address(("255.255.255.255", 9)) == "127.0.0.1"


def test_addresses_are_read_with_blanks_around_them() -> None:
    assert net.parse_address(" 192.168.1.50\n") == IPv4Address("192.168.1.50")


@pytest.mark.parametrize(
    ("text", "hint"),
    [("printer.local", "four numbers"), ("192.168.1.256", "four numbers"), ("", "four numbers"), ("::1", "IPv6")],
)
def test_what_is_no_address_is_refused_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=rf"'{text}' is not an IPv4 address: .*{hint}"):
        net.parse_address(text)


class Host:
    """A host whose addresses the test changes."""

    def __init__(self, *states: Sequence[Interface] | OSError) -> None:
        self._states = list(states)

    def __call__(self) -> Sequence[Interface]:
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        if isinstance(state, OSError):
            raise state
        return state


async def take(states: AsyncIterator[tuple[Interface, ...]], count: int) -> list[tuple[Interface, ...]]:
    async with asyncio.timeout(10):
        return [await anext(states) for _ in range(count)]


async def test_a_watch_tells_the_addresses_at_first_and_when_they_change() -> None:
    watch = AddressWatch(Host([LO], [LO], [LO, ETH], [LO, ETH], [LO]), interval=0)
    assert await take(watch.states(), 3) == [(LO,), (LO, ETH), (LO,)]


async def test_an_interface_that_goes_down_leaves() -> None:
    down = interface("eth0", "192.168.1.5/24", is_up=False)
    watch = AddressWatch(Host([LO, ETH], [LO, down]), interval=0)
    assert await take(watch.states(), 2) == [(LO, ETH), (LO,)]


async def test_while_addresses_cannot_be_read_the_last_ones_hold() -> None:
    watch = AddressWatch(Host([LO], OSError(errno.EMFILE, "Too many open files"), [LO], [LO, ETH]), interval=0)
    assert await take(watch.states(), 2) == [(LO,), (LO, ETH)]


async def test_a_watch_can_be_narrowed_to_some_addresses() -> None:
    watch = AddressWatch(Host([LO, ETH]), only=("127.0.0.5", "192.168.1.50", "8.8.8.8"))
    (state,) = await take(watch.states(), 1)
    assert state == (interface("lo", "127.0.0.5/32"), interface("eth0", "192.168.1.50/32"))
    assert net.owns("127.0.0.5", state)
    assert not net.owns("127.0.0.6", state)
    assert not net.owns("192.168.1.5", state)


async def test_a_watch_narrowed_to_what_is_not_here_tells_of_nothing() -> None:
    assert await take(AddressWatch(Host([LO, ETH]), only=("8.8.8.8",)).states(), 1) == [()]


async def test_the_kernels_news_of_a_change_makes_the_watch_look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, news = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    news.setblocking(False)
    monkeypatch.setattr("vprinter_common.net.watch._news", lambda: contextlib.nullcontext(news))
    with kernel, news:
        states = AddressWatch(Host([LO], [LO, ETH])).states()
        assert await take(states, 1) == [(LO,)]
        kernel.send(b"an address came")
        assert await take(states, 1) == [(LO, ETH)]


async def test_where_the_kernel_does_not_tell_the_watch_looks_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_netlink(family: int = -1, *args: int) -> socket.socket:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr("vprinter_common.net.watch.socket.socket", no_netlink)
    monkeypatch.setattr("vprinter_common.net.watch.INTERVAL", 0)
    assert await take(AddressWatch(Host([LO], [LO, ETH])).states(), 2) == [(LO,), (LO, ETH)]


async def test_a_watch_uses_the_real_host_by_default() -> None:
    (state,) = await take(AddressWatch().states(), 1)
    assert net.owns("127.0.0.1", state)


def own_name() -> str:
    return f"{Path('/proc/self/comm').read_text().strip()} (pid {os.getpid()})"


def test_the_owner_of_a_listening_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as listener:
        assert net.port_owner(listener.getsockname()[1]) == own_name()


def test_the_owner_of_a_udp_port_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", free_port()))
        assert net.port_owner(listener.getsockname()[1], "udp") == own_name()


def test_a_port_nobody_listens_on_has_no_owner() -> None:
    with socket.socket() as bound_only:
        bound_only.bind(("127.0.0.1", free_port()))
        assert net.port_owner(bound_only.getsockname()[1]) is None


TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:22B3 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 0100007F:22B3 0100007F:8000 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0
"""


def test_processes_we_may_not_see_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(TABLE)
    (tmp_path / "7").mkdir()  # no fd directory: gone, or another user's
    assert net.port_owner(8883, proc=tmp_path) is None
    holder = tmp_path / "31" / "fd"
    holder.mkdir(parents=True)
    (holder / "1").write_text("closed meanwhile")
    (holder / "2").symlink_to("socket:[4711]")
    assert net.port_owner(8883, proc=tmp_path) == "a process (pid 31)"
    (tmp_path / "31" / "comm").write_text("mosquitto\n")
    assert net.port_owner(8883, proc=tmp_path) == "mosquitto (pid 31)"


def test_a_privileged_port_names_three_ways_out() -> None:
    text = net.bind_error(PermissionError(errno.EACCES, "Permission denied"), "0.0.0.0", 990, "FTPS", SETTING)
    assert text == (
        "FTPS needs port 990, which is reserved for root: run as root, or allow it with "
        "`sysctl -w net.ipv4.ip_unprivileged_port_start=990`, or set VPRINTER_FTPS__PORT=9990 "
        "and redirect port 990 to 9990"
    )


def test_a_port_in_use_names_who_holds_it() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as listener, socket.socket() as second:
        port = listener.getsockname()[1]
        with pytest.raises(OSError) as refused:
            second.bind(("127.0.0.1", port))
        text = net.bind_error(refused.value, "127.0.0.1", port, "MQTT", SETTING)
    assert text == (
        f"MQTT needs port {port} on 127.0.0.1, but {own_name()} holds it: stop that, or give the printer another address"
    )


def test_a_port_held_by_someone_we_may_not_see_is_still_explained(tmp_path: Path) -> None:
    busy = OSError(errno.EADDRINUSE, "Address already in use")
    text = net.bind_error(busy, "10.0.0.1", 2021, "SSDP", SETTING, protocol="udp", proc=tmp_path)
    assert text.startswith(
        "SSDP needs port 2021/udp on 10.0.0.1, but another process, which this user may not see, holds"
    )


def test_an_address_of_another_host_is_explained() -> None:
    with socket.socket() as listener, pytest.raises(OSError) as refused:
        listener.bind(("203.0.113.77", 0))
    text = net.bind_error(refused.value, "203.0.113.77", 8883, "MQTT", SETTING)
    assert "203.0.113.77, which is no address of this host: add it to an interface" in text


@pytest.mark.parametrize(
    "error", [OSError(errno.EACCES, "Permission denied"), OSError(errno.ENOBUFS, "No buffer space"), OSError("odd")]
)
def test_any_other_failure_is_passed_on_in_words(error: OSError) -> None:
    text = net.bind_error(error, "127.0.0.1", 8883, "MQTT", SETTING)
    assert text == f"MQTT needs port 8883 on 127.0.0.1, but it cannot be opened: {error.strerror or error}"
