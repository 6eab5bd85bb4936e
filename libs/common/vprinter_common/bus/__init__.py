"""NATS: connect for ever, publish, subscribe and request typed messages, watch buckets, consume facts."""

from vprinter_common.bus.buckets import Buckets
from vprinter_common.bus.connection import BusUnavailable
from vprinter_common.bus.facts import Facts
from vprinter_common.bus.messages import Messages, Verb

__all__ = ["Bus", "BusUnavailable", "Verb"]


class Bus(Messages, Buckets, Facts):
    """One connection to NATS that is made again for ever, and all that goes over it."""
