"""`python -m tests.simulators.printer 127.0.0.20 --model P1S`: a printer to try things with, until Ctrl-C."""

import argparse
import time
from typing import Any

from tests.simulators.printer.printer import Character, PrinterPorts, SimulatedPrinter
from vprinter_common import catalog


def main() -> None:
    """Run one printer and say how it fares."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.printer", description=__doc__)
    parser.add_argument("address", help="an address of this host; every 127.x.y.z is one")
    parser.add_argument("--model", default="P1S", help=", ".join(each.name for each in catalog.MODELS))
    parser.add_argument("--ftp", type=Character, default=Character.ESP, help=", ".join(Character))
    parser.add_argument("--serial")
    parser.add_argument("--access-code", default="12345678")
    parser.add_argument("--name", default="Simulated Printer")
    parser.add_argument("--detect-port", type=int, default=3000)
    parser.add_argument("--detect-tls-port", type=int, default=3002)
    parser.add_argument("--mqtt-port", type=int, default=8883)
    parser.add_argument("--ftps-port", type=int, default=990, help="990 needs root, as 322 of the X1, P2 and H2 does")
    parser.add_argument("--tunnel-port", type=int, default=6000)
    parser.add_argument("--rtsps-port", type=int, default=322)
    parser.add_argument("--sessions", type=int, default=4, help="MQTT sessions that it takes")
    parser.add_argument("--signed", action="store_true", help="take signed commands only")
    parser.add_argument("--print-seconds", type=float, default=120.0)
    parser.add_argument("--announce", metavar="ADDRESS", help="where to announce it, such as 255.255.255.255")
    chosen = parser.parse_args()
    printer = SimulatedPrinter(
        chosen.address,
        model=chosen.model,
        character=chosen.ftp,
        serial=chosen.serial,
        access_code=chosen.access_code,
        name=chosen.name,
        ports=PrinterPorts(
            detect=chosen.detect_port,
            detect_tls=chosen.detect_tls_port,
            mqtt=chosen.mqtt_port,
            ftps=chosen.ftps_port,
            tunnel=chosen.tunnel_port,
            rtsps=chosen.rtsps_port,
        ),
        session_limit=chosen.sessions,
        signed=chosen.signed,
        print_seconds=chosen.print_seconds,
    )
    try:
        printer.start()
    except OSError as error:
        parser.exit(1, f"a port at {chosen.address} cannot be opened: {error}; see --help for the ports\n")
    try:
        print(f"{printer.model.name} {printer.serial} at {printer.address}, access code {printer.access_code}")
        print(f"certificate {printer.identity.fingerprint}")
        print(f"files in {printer.root}")
        if chosen.announce:
            printer.keep_announcing(chosen.announce, 2021)
        watch(printer)
    finally:
        printer.stop()


def watch(printer: SimulatedPrinter) -> None:
    """Say what happens until Ctrl-C."""
    told = 0
    shown: dict[str, Any] = {}
    try:
        while True:
            for each in printer.received[told:]:
                told += 1
                print(f"{each.client}: {each.command or each.topic}")
            if shown != (now := printer.machine.summary()):
                shown = now
                print(f"{now['gcode_state']} {now['subtask_name']} {now['mc_percent']} %")
            time.sleep(0.2)
    except KeyboardInterrupt:
        print("switched off")


if __name__ == "__main__":
    main()
