"""The ports as lines for firewalls and compose files."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from types import MappingProxyType

from vprinter_cli.ports import FTPS, FTPS_UNPRIVILEGED, Port, Reach, ports, table
from vprinter_cli.settings import Settings


def formats() -> Mapping[str, Callable[[Settings], str]]:
    """What `vprinter ports` can print, by name."""
    return MappingProxyType(
        {
            "table": table,
            "ufw": lambda settings: _lines(_ufw(_open(settings))),
            "firewalld": lambda settings: _lines(_firewalld(_open(settings))),
            "nftables": lambda settings: _lines(_nftables(_open(settings))),
            "iptables": lambda settings: _lines(_iptables(_open(settings))),
            "redirect": lambda settings: _lines(_redirect(settings)),
            "nftables-redirect": lambda settings: _lines(_nftables_redirect(settings)),
            "compose": lambda settings: _lines(_compose(_open(settings))),
        }
    )


def _open(settings: Settings) -> list[Port]:
    return [one for one in ports(settings) if one.reach is Reach.LAN and one.low]


def _both(found: Iterable[Port]) -> Iterator[Port]:
    """A redirected port as slicers know it, too: firewalls differ in which of the two they see."""
    for one in found:
        if one.published is not None:
            yield Port(one.published, one.published, one.protocol, one.use, one.setting)
        yield one


def _ufw(found: list[Port]) -> Iterator[str]:
    for one in _both(found):
        yield f"ufw allow {one.span(':')}/{one.protocol} comment 'Virtual Printer: {one.use}'"


def _firewalld(found: list[Port]) -> Iterator[str]:
    for one in _both(found):
        yield f"firewall-cmd --permanent --add-port={one.span('-')}/{one.protocol}  # {one.use}"
    yield "firewall-cmd --reload"


def _nftables(found: list[Port]) -> Iterator[str]:
    yield "# Into the chain that lets things in; `nft list chains` names yours. An accept elsewhere would not count."
    for one in _both(found):
        rule = f"{one.protocol} dport {one.span('-')} accept"
        yield f"nft insert rule inet filter input {rule} comment '\"Virtual Printer: {one.use}\"'"


def _iptables(found: list[Port]) -> Iterator[str]:
    for one in _both(found):
        match = f"-p {one.protocol} --dport {one.span(':')}"
        yield f"iptables -I INPUT {match} -m comment --comment 'Virtual Printer: {one.use}' -j ACCEPT"


def _redirect(settings: Settings) -> Iterator[str]:
    port = yield from _redirected(settings)
    rule = f"-p tcp --dport {FTPS} -j REDIRECT --to-port {port}"
    yield f"iptables -t nat -A PREROUTING {rule}"
    yield f"iptables -t nat -A OUTPUT -o lo {rule}"


def _nftables_redirect(settings: Settings) -> Iterator[str]:
    """A whole file: loading it again changes nothing."""
    port = yield from _redirected(settings)
    yield "add table ip vprinter_redirect"
    yield "delete table ip vprinter_redirect"
    yield "table ip vprinter_redirect {"
    for hook, condition in (("prerouting", ""), ("output", 'oifname "lo" ')):
        yield f"    chain {hook} {{"
        yield f"        type nat hook {hook} priority -100;"
        yield f"        {condition}tcp dport {FTPS} redirect to :{port}"
        yield "    }"
    yield "}"


def _redirected(settings: Settings) -> Generator[str, None, int]:
    """The port that FTPS has, or should have; a remark if nothing needs a redirect as it is."""
    port = settings.ftps.port
    if port not in (0, FTPS):
        return port
    yield (
        f"# This needs VPRINTER_FTPS__PORT={FTPS_UNPRIVILEGED}; "
        f"now FTPS listens on {FTPS} itself, and nothing is to be redirected."
    )
    return FTPS_UNPRIVILEGED


def _compose(found: list[Port]) -> Iterator[str]:
    yield "ports:"
    lines = [(f'  - "{_mapping(one)}"', one.use) for one in found]
    width = max(len(line) for line, _ in lines)
    for line, use in lines:
        yield f"{line:<{width}}  # {use}"


def _mapping(one: Port) -> str:
    protocol = "" if one.protocol == "tcp" else f"/{one.protocol}"
    return f"{one.published or one.span('-')}:{one.span('-')}{protocol}"


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
