"""What the kernel's tools say of redirects."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vprinter_common.net import Redirect, redirects
from vprinter_common.net.nat import parse_iptables, parse_nft

IPTABLES = """\
*nat
:PREROUTING ACCEPT [1:60]
-A PREROUTING -p tcp -m tcp --dport 990 -j REDIRECT --to-ports 9990
-A PREROUTING -d 192.168.1.51/32 -p tcp -m tcp --dport 990 -j REDIRECT --to-ports 9991
-A PREROUTING ! -d 192.168.1.52/32 -p tcp -m tcp --dport 8883 -j REDIRECT --to-ports 18883
-A OUTPUT -o lo -p tcp -m tcp --dport 990 -j REDIRECT --to-ports 9990
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 990 -j DNAT --to-destination 172.17.0.2:9990
-A DOCKER -p tcp -m tcp --dport 3000 -j DNAT --to-destination 172.17.0.2
-A PREROUTING -p udp -m udp --dport 2021 -j REDIRECT --to-ports 2022
-A PREROUTING -p tcp -m tcp --dport 5000:5010 -j REDIRECT --to-ports 6000
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
COMMIT
"""
NFT = """\
table ip nat {
\tchain PREROUTING {
\t\ttype nat hook prerouting priority dstnat; policy accept;
\t\ttcp dport 990 counter packets 3 bytes 180 redirect to :9990
\t\tip daddr 192.168.1.51 tcp dport 990 redirect to :9991
\t}
\tchain OUTPUT {
\t\ttype nat hook output priority -100; policy accept;
\t\toifname "lo" tcp dport 990 redirect to :9990
\t}
\tchain DOCKER {
\t\tiifname != "docker0" tcp dport 990 counter packets 0 bytes 0 dnat to 172.17.0.2:9990
\t\ttcp dport { 3000, 3002 } dnat to 172.17.0.3
\t\ttcp dport 22 accept
\t}
}
"""


def test_iptables_is_understood() -> None:
    assert list(parse_iptables(IPTABLES)) == [
        Redirect(990, 9990),
        Redirect(990, 9991, "192.168.1.51"),
        Redirect(8883, 18883),
        Redirect(990, 9990, remote=False),
        Redirect(990, 9990, to_address="172.17.0.2"),
        Redirect(3000, 3000, to_address="172.17.0.2"),
    ]


def test_nftables_is_understood() -> None:
    assert list(parse_nft(NFT)) == [
        Redirect(990, 9990),
        Redirect(990, 9991, "192.168.1.51"),
        Redirect(990, 9990, remote=False),
        Redirect(990, 9990, to_address="172.17.0.2"),
        Redirect(3000, 3000, to_address="172.17.0.3"),
        Redirect(3002, 3002, to_address="172.17.0.3"),
    ]


IN_A_NAMESPACE = """
import subprocess, sys
from vprinter_common.net import Redirect, nat, redirects
nat.TIMEOUT = 30.0
assert redirects() == (), redirects()
rule = ["-p", "tcp", "--dport", "990", "-j", "REDIRECT", "--to-port", "9990"]
for chain in (["PREROUTING"], ["OUTPUT", "-o", "lo"]):
    if subprocess.run(["iptables", "-t", "nat", "-A", *chain, *rule]).returncode:
        sys.exit(77)  # this kernel has no NAT
assert redirects() == (Redirect(990, 9990), Redirect(990, 9990, remote=False)), redirects()
"""


@pytest.mark.skipif(not (shutil.which("nft") and shutil.which("iptables")), reason="needs nft and iptables")
def test_the_rules_of_a_real_kernel_are_read() -> None:
    run = subprocess.run(
        ["unshare", "-rn", sys.executable, "-c", IN_A_NAMESPACE],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if run.returncode == 77 or "unshare" in run.stderr:
        pytest.skip(f"no namespace with NAT here: {run.stderr}")
    assert run.returncode == 0, run.stderr


def test_nonsense_holds_no_redirects() -> None:
    for listing in (
        "",
        "-A",
        "-A PREROUTING -p",
        "-A X -p tcp --dport x -j REDIRECT --to-ports 1",
        "tcp dport redirect",
    ):
        assert list(parse_iptables(listing)) == []
        assert list(parse_nft(listing)) == []


def tool(directory: Path, name: str, script: str) -> None:
    made = directory / name
    made.write_text(f"#!/bin/sh\n{script}\n")
    made.chmod(0o755)


def test_what_the_tool_prints_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vprinter_common.net.nat._SYSTEM_TOOLS", "")
    monkeypatch.setattr("vprinter_common.net.nat.TIMEOUT", 30.0)
    (tmp_path / "rules").write_text(IPTABLES)
    tool(tmp_path, "iptables-save", f"cat {tmp_path / 'rules'}")
    found = redirects(str(tmp_path))
    assert found is not None
    assert Redirect(990, 9990) in found


@pytest.mark.parametrize("script", ["echo Permission denied >&2; exit 4", "exec sleep 30"])
def test_a_tool_that_may_not_or_does_not_answer_means_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr("vprinter_common.net.nat._SYSTEM_TOOLS", "")
    monkeypatch.setattr("vprinter_common.net.nat.TIMEOUT", 0.3)
    tool(tmp_path, "nft", script)
    assert redirects(str(tmp_path)) is None


def test_without_a_tool_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vprinter_common.net.nat._SYSTEM_TOOLS", str(tmp_path))
    assert redirects(str(tmp_path)) is None
