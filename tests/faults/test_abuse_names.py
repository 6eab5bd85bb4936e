"""File names that want to be somewhere else."""

import pytest

from tests.faults.ledger import Ledger
from tests.faults.vitals import Vitals
from tests.simulators import threemf
from tests.simulators.ftps import FtpRefused
from tests.system.harness import System

pytestmark = pytest.mark.full

STORED = {
    "../../evil1.gcode.3mf": "evil1.gcode.3mf",
    "/../../../evil2.gcode.3mf": "evil2.gcode.3mf",
    "..\\..\\windows\\evil3.gcode.3mf": "evil3.gcode.3mf",
    "evil4\r.gcode.3mf": "evil4.gcode.3mf",
    "evil5\0.gcode.3mf": "evil5.gcode.3mf",
    "evil6\x1b[2J\x07.gcode.3mf": "evil6[2J.gcode.3mf",
    "evil7\u2028.gcode.3mf": "evil7.gcode.3mf",
    "evil Würfel 打印 🎲.gcode.3mf": "evil Würfel 打印 🎲.gcode.3mf",
    "evil8" + "n" * 300 + ".gcode.3mf": "evil8" + "n" * 240 + ".gcode.3mf",
    "evil9" + "ü" * 300 + ".gcode.3mf": "evil9" + "ü" * 120 + ".gcode.3mf",
    "evil';DROP TABLE archive_items;--.gcode.3mf": "evil';DROP TABLE archive_items;--.gcode.3mf",
    "evil<script>alert(1)<script>.gcode.3mf": "evil<script>alert(1)<script>.gcode.3mf",
    "evil{{7*7}}%s%n.gcode.3mf": "evil{{7*7}}%s%n.gcode.3mf",
}
REFUSED = (
    "../../etc/passwd",
    "/etc/cron.d/evil",
    "sdcard/../../../evil/evil",
    ".",
    "..",
    "....",
    "   ",
    "\x01\x02",
    "/",
)


@pytest.mark.parametrize("name", STORED, ids=range(len(STORED)))
def test_only_the_last_part_of_a_name_counts_without_what_breaks_lists(
    house: System, ledger: Ledger, name: str, attacker: str
) -> None:
    content = threemf.sliced(title=f"name {list(STORED).index(name)}")
    shown = STORED[name]

    def upload() -> str:
        with ledger.session(source=attacker) as session:
            return session.store(name, content).text

    with Vitals(house):
        assert ledger.told(shown, content, upload).startswith("226")
        ledger.settle()
    assert not list(house.directory.rglob("*evil*")), "no name of a client is ever a name on our disk"


@pytest.mark.parametrize("name", REFUSED, ids=range(len(REFUSED)))
def test_names_that_are_none_are_refused_at_once(house: System, ledger: Ledger, name: str, attacker: str) -> None:
    with Vitals(house), ledger.session(source=attacker) as session:
        with pytest.raises(FtpRefused) as refused:
            session.begin_store(name)
        assert refused.value.reply is not None
        assert refused.value.reply.code == 553, refused.value.reply
        session.command("NOOP", 200)


def test_a_line_end_in_a_name_is_the_end_of_the_command(house: System, ledger: Ledger, attacker: str) -> None:
    """What follows is a command of its own, with a reply of its own: nothing is smuggled into the first."""
    with Vitals(house), ledger.session(source=attacker) as session:
        session.command("CWD /no\r\nSYST", 550)
        assert session.reply().code == 215


@pytest.mark.parametrize("verb", ["CWD", "MKD", "RETR", "DELE", "SIZE", "MDTM"])
def test_no_verb_leads_out_of_the_card(house: System, ledger: Ledger, verb: str, attacker: str) -> None:
    paths = (
        "../../../../etc",
        "/etc/passwd",
        "..%2f..%2fetc",
        "\\..\\..\\etc",
        "a" * 3000,
        "\x00etc",
        "~root",
        "/proc/self/environ",
    )
    with Vitals(house), ledger.session(source=attacker) as session:
        for path in paths:
            reply = session.command(f"{verb} {path}")
            assert reply.code in (550, 553, 425) or (verb, reply.code) == ("MKD", 257), (path, reply)
