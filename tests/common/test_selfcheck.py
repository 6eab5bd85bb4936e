"""What a service says of its host."""

import os
import pwd
import socket
from pathlib import Path

from tests.common.ports import free_port
from vprinter_common import net
from vprinter_common.net import Holder
from vprinter_common.selfcheck import Storage, look


async def test_a_host_tells_what_only_it_knows(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as listening:
        port = listening.getsockname()[1]
        said = await look("ftps", "shed", ["tired"], ports={port}, storage=[Storage("uploads", tmp_path, 5)])
    assert (said.service, said.node, said.ready, said.problems) == ("ftps", "shed", False, ("tired",))
    assert said.pid == os.getpid()
    assert said.version
    assert "127.0.0.1/8" in said.addresses
    (holder,) = [each for each in said.holders if each.port == port]
    assert (holder.address, holder.pid, holder.user) == ("127.0.0.1", os.getpid(), pwd.getpwuid(os.getuid()).pw_name)
    (room,) = said.storage
    assert (room.what, room.path, room.needed, room.error) == ("uploads", str(tmp_path), 5, None)
    assert room.free is not None
    assert room.free > 0


async def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    said = await look("ftps", "shed", [], storage=[Storage("uploads", tmp_path / "gone")])
    assert said.ready
    assert (said.storage[0].free, said.storage[0].error) == (None, "No such file or directory")


async def test_only_the_addresses_that_are_used_are_told() -> None:
    said = await look("ftps", "shed", [], only=["127.0.0.9"])
    assert said.addresses == ("127.0.0.9/32",)


def test_a_holder_of_every_address_is_in_everybodys_way() -> None:
    assert Holder(8883, "0.0.0.0").covers("192.0.2.1")
    assert Holder(8883, "192.0.2.1").covers("192.0.2.1")
    assert not Holder(8883, "192.0.2.2").covers("192.0.2.1")


def test_ports_bound_in_ipv6_are_read_as_well() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as both:
        (holder,) = net.port_holders({both.getsockname()[1]})
    assert holder.address == "0.0.0.0"
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as one:
        (holder,) = net.port_holders({one.getsockname()[1]})
    assert holder.address == "::1"


def test_a_process_of_a_user_without_a_name_is_told_by_number(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(
        "  sl  local_address\n   0: 0100007F:22B3 00000000:0000 0A 0:0 00:0 0 0 0 4711 1\n"
    )
    process = tmp_path / "31"
    (process / "fd").mkdir(parents=True)
    (process / "fd" / "3").symlink_to("socket:[4711]")
    assert net.port_holders({8883}, proc=tmp_path) == (
        Holder(8883, "127.0.0.1", "a process", 31, pwd.getpwuid(process.stat().st_uid).pw_name),
    )
    assert net.port_holders({8883}, proc=tmp_path / "nothing") == ()
