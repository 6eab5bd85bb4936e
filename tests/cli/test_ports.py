"""`vprinter ports`: one model, every firewall."""

import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

from vprinter_cli.command import main

Lines = Callable[[str], list[str]]

UFW = """\
3000/tcp
2021/udp
8883/tcp
990/tcp
9990/tcp
50000:50100/tcp
322/tcp
6000/tcp
2024:2026/tcp
"""
REDIRECT = """\
iptables -t nat -A PREROUTING -p tcp --dport 990 -j REDIRECT --to-port 9990
iptables -t nat -A OUTPUT -o lo -p tcp --dport 990 -j REDIRECT --to-port 9990
"""


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Lines:
    monkeypatch.setenv("VPRINTER_FTPS__PORT", "9990")

    def lines(form: str) -> list[str]:
        assert main(["ports", "--format", form]) == 0
        return capsys.readouterr().out.splitlines()

    return lines


@pytest.mark.parametrize("port", UFW.splitlines())
def test_ufw_and_firewalld_open_what_slicers_need(lines: Lines, port: str) -> None:
    assert any(line.startswith(f"ufw allow {port} ") for line in lines("ufw"))
    wanted = f"firewall-cmd --permanent --add-port={port.replace(':', '-')} "
    assert any(line.startswith(wanted) for line in lines("firewalld"))
    assert lines("firewalld")[-1] == "firewall-cmd --reload"


def test_what_is_for_this_host_only_is_opened_nowhere(lines: Lines) -> None:
    for form in ("ufw", "firewalld", "nftables", "iptables", "compose"):
        assert not any("4222" in line or "9301" in line for line in lines(form))


def test_the_redirect_is_the_one_of_the_guides(lines: Lines) -> None:
    assert "\n".join(lines("redirect")) + "\n" == REDIRECT


def test_a_redirect_nobody_needs_is_said_so(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VPRINTER_FTPS__PORT")
    comment, *rules = lines("redirect")
    assert "VPRINTER_FTPS__PORT=9990" in comment
    assert "\n".join(rules) + "\n" == REDIRECT
    assert not any("9990" in line for line in lines("ufw"))


def test_compose_publishes_ftps_where_slicers_look_for_it(lines: Lines) -> None:
    head, *entries = lines("compose")
    published = [entry.split('"')[1] for entry in entries]
    assert head == "ports:"
    assert {"990:9990", "3000:3000", "8883:8883", "2021:2021/udp", "50000-50100:50000-50100"} <= {*published}


def test_a_free_port_is_in_no_rule(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPRINTER_MQTT__PORT", "0")
    assert not any("MQTT" in line for line in lines("ufw"))
    assert any(line.startswith("free ") and "MQTT" in line for line in lines("table"))


@pytest.mark.parametrize(
    ("form", "program"),
    [("iptables", "iptables"), ("redirect", "iptables"), ("nftables", "nft"), ("nftables-redirect", "nft -f")],
)
def test_the_firewall_itself_takes_the_lines(lines: Lines, form: str, program: str) -> None:
    """In a network of its own, so that the host's rules stay as they are."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    program, *takes_a_file = program.split()
    if os.geteuid() != 0 or shutil.which(program, path=path) is None or shutil.which("unshare") is None:
        pytest.skip(f"needs root, unshare and {program}")
    before = "nft 'add table inet filter; add chain inet filter input { type filter hook input priority 0; }'\n"
    script = "set -e\nip link set lo up\n" + (before if program == "nft" else "")
    if takes_a_file:
        file = "nft -f - <<'END'\n" + "\n".join(lines(form)) + "\nEND\n"
        script += file * 2  # loading it again changes nothing
        script += "test $(nft list ruleset | grep -c 'redirect to :9990') = 2"
    else:
        script += "\n".join(lines(form))
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script], capture_output=True, text=True, check=False, env={"PATH": path}
    )
    if "Operation not permitted" in done.stderr and "unshare" in done.stderr:
        pytest.skip("this container may not make networks")
    assert done.returncode == 0, done.stderr
