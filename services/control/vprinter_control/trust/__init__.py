"""The CA: kept, handed to slicers, shared between hosts, renewed on command."""

from vprinter_control.trust.authority import RENEW_BEFORE, Trust

__all__ = ["RENEW_BEFORE", "Trust"]
