"""The table of remedies: for each fault how grave it is, and what to do on a native host, in Docker, and on a NAS.

Places in braces are filled with what was seen; `{printer}`, `{address}` and `{serial}` are always known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vprinter_control.doctor.steps import Fault, Finding, Verdict


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do, by how the system is installed."""

    native: str
    docker: str
    nas: str

    def filled(self, values: Mapping[str, object]) -> "Remedy":
        """With what was seen in its places."""
        return Remedy(*(text.format_map(values) for text in (self.native, self.docker, self.nas)))


def found(fault: Fault, detail: str, **values: object) -> Finding:
    """Something is wrong: with the verdict of the table."""
    return Finding(VERDICTS.get(fault, Verdict.FAILED), detail, fault, values)


def same(text: str) -> Remedy:
    """A remedy that does not depend on the installation."""
    return Remedy(text, text, text)


VERDICTS: Mapping[Fault, Verdict] = MappingProxyType(
    dict.fromkeys(
        (
            Fault.SERVICE_UNWELL,
            Fault.VERSIONS_DIFFER,
            Fault.REDIRECT_UNKNOWN,
            Fault.SAN_LACKS_ADDRESS,
            Fault.NO_PLAIN_RSA,
            Fault.BRAKED,
            Fault.PASSIVE_OUTSIDE,
            Fault.PASSIVE_ADDRESS,
            Fault.SSDP_SILENT,
            Fault.SSDP_ANSWERS_ONLY,
            Fault.SSDP_PORT,
            Fault.TARGET_BUSY,
            Fault.TARGET_SIGNED,
            Fault.CA_ENDS_SOON,
            Fault.DISK_LOW,
        ),
        Verdict.WARNING,
    )
)
"""Faults that do not stop every send; all others do."""

_LOGS = Remedy(
    "read the service's log: in `vprinter up` its lines begin with {service}",
    "read the service's log: `docker compose logs {service}`",
    "open the container {service} in the NAS's container manager and read its log",
)
_FOREIGN = Remedy(
    "`sudo ss -ltnp 'sport = :{port}'` shows who listens on {port}; stop it, or give {printer} an address of its own",
    "`docker ps` and `sudo ss -ltnp 'sport = :{port}'` show who listens on {port}; stop it, remove its `ports:` entry, "
    "or give {printer} an address of its own",
    "look for a package or container of the NAS that uses port {port} (an MQTT broker, an FTP server); move it to "
    "another port, or give {printer} an address of its own",
)
_REDIRECT_RULES = (
    "sudo iptables -t nat -A PREROUTING -p tcp --dport {port} -j REDIRECT --to-port {to_port} && "
    "sudo iptables -t nat -A OUTPUT -o lo -p tcp --dport {port} -j REDIRECT --to-port {to_port}"
)
_REISSUE = same(
    "restart control: it issues a fitting certificate for every enabled printer at start; slicers that trust the CA "
    "need nothing new"
)

REMEDIES: Mapping[Fault, Remedy] = MappingProxyType(
    {
        Fault.DISABLED: same("enable {printer} on the page, or with POST /api/v1/virtual-printers/{id}/enable"),
        Fault.ADDRESS_GONE: Remedy(
            "add the address again (`sudo ip addr add {address}/24 dev <interface>`, and to the network's "
            "configuration, so that it survives a restart), or bind {printer} to an address that is there: {addresses}",
            "add the address on the host, not in the container, and run the services with `network_mode: host`; or bind "
            "{printer} to an address that is there: {addresses}",
            "give the NAS's interface the address {address} again (a second address, or a macvlan network of the "
            "container manager), or bind {printer} to an address that is there: {addresses}",
        ),
        Fault.ADDRESS_UNKNOWN: same(
            "choose an address or an interface for {printer} that is on this system: {addresses}"
        ),
        Fault.ADDRESS_ELSEWHERE: Remedy(
            "if {address} belongs to a router or another host, make sure that it forwards all ports to this one; "
            "otherwise set the advertised address of {printer} to one of {addresses}",
            "with bridge networking {address} must be the host's address and every port published (`vprinter ports` "
            "prints the lines for compose); simpler is `network_mode: host`",
            "set the advertised address of {printer} to the NAS's own address and publish every port, or use host "
            "networking in the container manager",
        ),
        Fault.SERVICE_DOWN: Remedy(
            "start {service}: `vprinter up` runs and restarts all services; if it ends again and again, its lines in the "
            "output say why",
            "`docker compose up -d {service}`, then `docker compose logs {service}`",
            "start the container {service} in the NAS's container manager and read its log if it stops again",
        ),
        Fault.SERVICE_UNWELL: _LOGS,
        Fault.VERSIONS_DIFFER: Remedy(
            "restart `vprinter up`, so that all services run what is installed",
            "`docker compose pull && docker compose up -d`, so that all services run one version",
            "update all containers of the system to one version and start them again",
        ),
        Fault.PORT_TAKEN: _FOREIGN,
        Fault.PORT_RESERVED: Remedy(
            "`sudo sysctl -w net.ipv4.ip_unprivileged_port_start={port}` (and in /etc/sysctl.d), or run as root, or set "
            "{setting} to a port above 1023 and redirect {port} to it",
            "give the container the capability: `cap_add: [NET_BIND_SERVICE]`, or `sysctls: "
            "[net.ipv4.ip_unprivileged_port_start=0]` where it has a network of its own",
            "run the container with high privileges (or NET_BIND_SERVICE) in the container manager, or set {setting} to "
            "a port above 1023 and redirect {port} to it",
        ),
        Fault.PORT_CLOSED: _LOGS,
        Fault.PORT_MOVED: Remedy(
            "slicers know port {port} only: remove {setting} from the environment and restart {service}",
            "slicers know port {port} only: publish it as `{port}:{to_port}`, or remove {setting} from compose",
            "slicers know port {port} only: map it to {to_port} in the container's port settings, or remove {setting}",
        ),
        Fault.REDIRECT_MISSING: Remedy(
            f"redirect it: `{_REDIRECT_RULES}`; `vprinter ports` prints the same for nftables and firewalld. Make it "
            "survive a restart (netfilter-persistent save)",
            f"with host networking run on the host: `{_REDIRECT_RULES}`; with bridge networking publish "
            '`"{port}:{to_port}"`',
            f"over SSH: `{_REDIRECT_RULES}`, and the same as a task at start (Synology: Task Scheduler; Unraid: "
            "/boot/config/go; TrueNAS: Init Script)",
        ),
        Fault.REDIRECT_STALE: Remedy(
            "`sudo iptables -t nat -S | grep 'dport {port} '` (or `sudo nft list ruleset`) shows the rule; delete it with "
            "the same line and -D in place of -A, also where rules are kept for the next start. FTPS listens at "
            "{listens}",
            "on the host: `sudo iptables -t nat -S | grep 'dport {port} '`, delete that rule with -D; or publish "
            '`"{port}:{listens}"` in compose instead of the old mapping',
            "over SSH: `iptables -t nat -S | grep 'dport {port} '`, delete that rule with -D, and take it out of the task "
            "that runs at start (Task Scheduler, /boot/config/go)",
        ),
        Fault.REDIRECT_UNKNOWN: Remedy(
            "check that {port} is redirected: `sudo iptables -t nat -S | grep {port}`; if nothing is shown: "
            f"`{_REDIRECT_RULES}`",
            'check on the host: `sudo iptables -t nat -S | grep {port}`, or publish `"{port}:{to_port}"`',
            "check over SSH: `iptables -t nat -S | grep {port}`; if nothing is shown, add the redirect and the task at "
            "start as the documentation has it",
        ),
        Fault.NOT_LISTENING: Remedy(
            "start {service} (`vprinter up`), and see the step about ports: another program may hold {port}",
            "`docker compose up -d {service}`; with bridge networking {port} must be in `ports:`",
            "start the container {service}, and see that port {port} is mapped and not used by the NAS itself",
        ),
        Fault.UNREACHABLE: Remedy(
            "a firewall swallows port {port}: allow it (`sudo ufw allow {port}/tcp`); `vprinter ports` prints all lines",
            "a firewall swallows port {port}: allow it on the host (`vprinter ports` prints the lines), or publish it in "
            "`ports:`",
            "allow port {port} in the NAS's firewall (Synology: Control Panel, Security, Firewall)",
        ),
        Fault.SILENT: _LOGS,
        Fault.GARBAGE: _FOREIGN,
        Fault.OTHER_PRINTER: same(
            "two printers answer at {address}: give each its own address; if the other is a real printer, choose an "
            "address for {printer} that nobody has"
        ),
        Fault.BOUND_ELSEWHERE: same(
            "another program answers at {address} in the printer's place: give {printer} an address of its own"
        ),
        Fault.NOT_TLS: _FOREIGN,
        Fault.TLS_BROKEN: _LOGS,
        Fault.WRONG_CA: Remedy(
            "if another program holds port {port}, stop it (the step about ports says who); if the CA was exchanged, "
            "restart control, so that it issues the printer's certificate anew, and let slicers trust the present CA",
            "mount one and the same data directory into all services, restart control, and see that no other container "
            "holds port {port}",
            "see that no package of the NAS holds port {port}, and that all containers share one data directory; then "
            "restart control",
        ),
        Fault.SELF_SIGNED: _FOREIGN,
        Fault.LEAF_EXPIRED: _REISSUE,
        Fault.LEAF_NOT_YET: Remedy(
            "set this host's clock: `sudo timedatectl set-ntp true`; then restart control",
            "set the host's clock: `sudo timedatectl set-ntp true`; containers use it; then restart control",
            "switch on NTP in the NAS's time settings; then restart control",
        ),
        Fault.WRONG_NAME: _FOREIGN,
        Fault.NOT_RSA: same(
            "slicers need an RSA key: remove the printer and create it anew, and give a CA of your own an RSA key"
        ),
        Fault.SAN_LACKS_ADDRESS: _REISSUE,
        Fault.TLS_TOO_NEW: same(
            "uploads break off with TLS 1.3: whatever terminates TLS in front of port {port} (a proxy, a load balancer) "
            "must pass the bytes through, or be limited to TLS 1.2"
        ),
        Fault.NO_PLAIN_RSA: same(
            "some slicers offer plain RSA key exchange only: whatever terminates TLS in front of port {port}, or the "
            "host's crypto policy, must allow AES256-GCM-SHA384 and AES128-GCM-SHA256"
        ),
        Fault.NO_CODE: same("give {printer} an access code of 8 letters or digits on the page"),
        Fault.CODE_REFUSED: Remedy(
            "restart {service}: it does not know the printer's present codes; if that does not help, NATS or control "
            "does not reach it (the steps about them)",
            "`docker compose restart {service}`; all services must use one NATS",
            "restart the container {service}; all containers must use one NATS",
        ),
        Fault.BRAKED: same(
            "somebody at this address typed wrong codes: wait for a minute, and correct the code in that slicer"
        ),
        Fault.DENIED: _LOGS,
        Fault.REPORT_WRONG: same("please report this with the detail above: the printer's report is at fault"),
        Fault.PASSIVE_NONE: Remedy(
            "`sudo ss -tan 'sport >= :{low} and sport <= :{high}'` shows who uses the passive ports; stop it, or give "
            "{printer} a wider range (passive_ports)",
            "stop the container that publishes {low}-{high}, or give {printer} another range (passive_ports) and publish "
            "that one",
            "see which package of the NAS uses ports {low}-{high}, or give {printer} another range (passive_ports)",
        ),
        Fault.PASSIVE_BLOCKED: Remedy(
            "allow the passive ports: `sudo ufw allow {low}:{high}/tcp`; `vprinter ports` prints the lines for other "
            "firewalls",
            'publish the passive ports: `"{low}-{high}:{low}-{high}"`, and allow them in the host\'s firewall',
            "allow ports {low}-{high} (TCP) in the NAS's firewall, and map them one to one if the container has a network "
            "of its own",
        ),
        Fault.PASSIVE_OUTSIDE: same(
            "something between translates ports: the passive ports {low}-{high} must arrive unchanged, one to one"
        ),
        Fault.PASSIVE_ADDRESS: Remedy(
            "set VIRTUAL_PRINTER_PASV_ADDRESS (or the printer's pasv_address) to {address}, or leave it out",
            "set VIRTUAL_PRINTER_PASV_ADDRESS={address} in compose, or the printer's advertised address",
            "set VIRTUAL_PRINTER_PASV_ADDRESS={address} in the container's environment",
        ),
        Fault.STORE_REFUSED: _LOGS,
        Fault.SSDP_SILENT: Remedy(
            "allow UDP {port} (`sudo ufw allow {port}/udp`) and see the log of discovery; meanwhile slicers can add "
            "{printer} by its address {address}",
            "announcements do not leave a bridge network: run discovery with `network_mode: host`, or add {printer} in "
            "the slicer by its address {address}",
            "use host networking for discovery and allow UDP {port} in the NAS's firewall, or add {printer} in the slicer "
            "by its address {address}",
        ),
        Fault.SSDP_ANSWERS_ONLY: same(
            "broadcasts to UDP {port} are filtered on this host: allow them, or add {printer} in the slicer by its "
            "address {address}"
        ),
        Fault.SSDP_WRONG: same(
            "slicers are told another address than the printer has: see whether a second system announces {serial}, and "
            "restart discovery"
        ),
        Fault.SSDP_PORT: Remedy(
            "`sudo ss -lunp 'sport = :{port}'` shows who holds UDP {port} for itself alone; stop it",
            "stop the container that holds UDP {port} for itself alone",
            "stop the package of the NAS that holds UDP {port} for itself alone",
        ),
        Fault.TARGET_UNSEEN: Remedy(
            "start proxy: `vprinter up` runs and restarts all services; its lines in the output say why it ends",
            "`docker compose up -d proxy`, then `docker compose logs proxy`",
            "start the container proxy in the NAS's container manager and read its log if it stops again",
        ),
        Fault.TARGET_UNREACHABLE: same(
            "switch the real printer on, see that the host of proxy reaches {host} (a firewall, another VLAN), and correct "
            "its address under Printers on the page if it has another one"
        ),
        Fault.TARGET_BUSY: same(
            "close other programs that are connected to the real printer: it takes few sessions at a time"
        ),
        Fault.TARGET_OTHER: same(
            "correct the address of the real printer under Printers on the page: another one answers at {host}"
        ),
        Fault.TARGET_CERTIFICATE: same(
            "if the printer was reset, repaired or updated, accept its new certificate under Printers on the page; "
            "otherwise find out who answers at {host}"
        ),
        Fault.TARGET_CODE: same(
            "read the access code at the printer (Settings, LAN only) and put it in under Printers on the page; slicers "
            "need the same one"
        ),
        Fault.TARGET_CLOUD: same("switch LAN mode on at the printer (Settings, LAN only), then check again"),
        Fault.TARGET_SIGNED: same(
            "switch developer mode on at the printer (Settings, LAN only) if commands of slicers are refused: it takes "
            "signed ones only"
        ),
        Fault.CA_MISSING: same("enable a printer once: the CA is made then"),
        Fault.CA_UNUSABLE: Remedy(
            "put both files of the CA back from a backup or from the host where it was made; slicers trust that one",
            "put both files of the CA back into the volume's virtual_printer/certs, readable by the container's user",
            "put both files of the CA back into the shared folder's virtual_printer/certs, readable by the container",
        ),
        Fault.CA_ENDED: same(
            "renew the CA (POST /api/v1/certificate-authority/renew, or on the page); every slicer must then trust the "
            "new one"
        ),
        Fault.CA_ENDS_SOON: same(
            "plan the renewal of the CA (POST /api/v1/certificate-authority/renew): every slicer must trust the new one "
            "afterwards"
        ),
        Fault.LEAF_OF_OTHER_CA: _REISSUE,
        Fault.DISK_FULL: Remedy(
            "free some space below {path}: delete prints in the archive (their files go within minutes), or move "
            "VPRINTER_DATA_DIR to a larger disk",
            "free some space in the volume at {path} (`docker system df`, `docker system prune`), or delete prints in "
            "the archive",
            "free some space on the NAS's volume at {path}, raise the shared folder's quota, or delete prints in the "
            "archive",
        ),
        Fault.DISK_LOW: Remedy(
            "there is room for few uploads below {path}: delete prints in the archive, or move VPRINTER_DATA_DIR",
            "there is room for few uploads in the volume at {path}: delete prints in the archive, or enlarge it",
            "there is room for few uploads at {path}: delete prints in the archive, or raise the quota",
        ),
        Fault.DISK_UNUSABLE: Remedy(
            "make {path} a directory that the user of the services may write to (`ls -ld {path}`, `mount`)",
            "mount the volume for writing and give {path} to the container's user (`chown`)",
            "give the container's user permission to write to {path}; a shared folder may be mounted read-only",
        ),
        Fault.CLOCK_OFF: Remedy(
            "set the clock of {where}: `sudo timedatectl set-ntp true`",
            "set the clock of the host of {where}: `sudo timedatectl set-ntp true`; containers use it",
            "switch on NTP in the time settings of {where}",
        ),
        Fault.NATS_DOWN: Remedy(
            "`vprinter up` runs NATS itself: start it again; with a NATS of your own check VPRINTER_NATS__URL, user and "
            "password. Uploads are kept meanwhile and appear when it is back",
            "`docker compose up -d nats`, then `docker compose logs nats`. Uploads are kept meanwhile",
            "start the container nats and read its log. Uploads are kept meanwhile",
        ),
        Fault.NATS_READ_ONLY: Remedy(
            "see the NATS log and the room on its disk ({data}/nats): JetStream stops writing when its store is full",
            "`docker compose logs nats`, and see the room in its volume: JetStream stops writing when its store is full",
            "read the log of the container nats and see the room on its volume",
        ),
    }
)


def remedy_for(finding: Finding, always: Mapping[str, object]) -> Remedy | None:
    """What to do about a finding; None if nothing is wrong. `always`: the values that every remedy may name."""
    if finding.fault is None:
        return None
    return REMEDIES[finding.fault].filled(_Seen({**always, **finding.values}))


class _Seen(dict[str, object]):
    """What nobody saw stays a place to be filled by the reader."""

    def __missing__(self, name: str) -> str:
        return f"<{name}>"
