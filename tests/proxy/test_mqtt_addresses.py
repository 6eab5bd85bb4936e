"""The printer's own address is in nothing that a slicer gets, whichever the model."""

import json
from typing import Any

from tests.proxy.mqtt_ends import FakePrinter, slicer
from tests.proxy.test_mqtt_sessions import PRINTER, PROXY, relayed
from vprinter_common.catalog import MODELS, Model
from vprinter_common.wire.report import dumps, ip_as_u32_le
from vprinter_mqtt.conversation import Conversation
from vprinter_mqtt.session_state import SessionState

NEIGHBOUR = f"{PRINTER}0"
"""Another host, whose address begins like the printer's."""
SECOND = "10.77.0.12"
"""Of the printer's other interface."""


def report(model: Model) -> dict[str, Any]:
    """What a printer of this model says at the address, with the fields that the emulated one leaves out."""
    state = SessionState(client="", serial="", advertise=PRINTER, access_code="", owner="")
    conversation = Conversation(model)
    frame: dict[str, Any] = json.loads(conversation.render(conversation.report_key(state, 0.0), 1))
    status = frame["print"]
    status["net"] = {
        "conf": 16,
        "info": [{"ip": ip_as_u32_le(each) if each else 0, "mask": 16777215} for each in (PRINTER, "", SECOND)],
    }
    status["ipcam"]["rtsp_url"] = f"rtsps://{PRINTER}:322/streaming/live/1" if model.camera_port == 322 else "disable"
    status["upgrade_state"]["message"] = f"fetched by {PRINTER}, not by {NEIGHBOUR}"
    status["s_obj"] = [{"url": f"ftp://{SECOND}/cache/a.3mf"}]
    if "fun" in status:
        status["device"] |= {"connection_type": "cloud"}
        status["fun"] = f"{int(status['fun'], 16) | 0xA000_0000:X}"
    return frame


def forms(address: str) -> list[bytes]:
    """How the address could be written."""
    packed = bytes(map(int, address.split(".")))
    return [
        address.encode(),
        str(int.from_bytes(packed, "little")).encode(),
        str(int.from_bytes(packed, "big")).encode(),
        packed.hex().encode(),
        packed[::-1].hex().encode(),
    ]


async def test_no_byte_that_a_slicer_gets_holds_the_address_of_the_printer() -> None:
    printer = FakePrinter()
    async with relayed(printer) as (_, port), slicer(PROXY, port) as client:
        await client.listen()
        for model in MODELS:
            whole = report(model)
            status = whole["print"]
            assert all(form in dumps(whole) for form in forms(PRINTER)[:2])
            deltas = [{"print": {name: status[name], "msg": 1}} for name in ("net", "ipcam", "upgrade_state", "s_obj")]
            for said in (whole, *deltas):
                for payload in (dumps(said), json.dumps(said).encode(), dumps(said) + b"\0"):
                    printer.session.say(payload)
                    shown = json.loads((await client.message()).payload.rstrip(b"\0"))
                    assert shown.keys() == said.keys()
        printer.session.say(f"no JSON: {PRINTER}".encode())
        await client.message()
        got, sent = client.plaintext, printer.plaintext
    assert NEIGHBOUR.encode() in got, "another address stays"
    for address in (PRINTER, SECOND):
        for form in forms(address):
            assert form not in got.replace(NEIGHBOUR.encode(), b""), (address, form)
            assert form not in sent
    assert str(ip_as_u32_le(PROXY)).encode() in got
    assert f"rtsps://{PROXY}:322/".encode() in got
