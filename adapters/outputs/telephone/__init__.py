"""Telephone calls, by carriers' WebSocket media streams."""

from .dialects import DIALECTS, EXOTEL, PLIVO, TELNYX, TWILIO, VONAGE, Dialect
from .output import TelephoneOutput
from .server import PhoneCall, TelephoneServer

__all__ = [
    "DIALECTS",
    "EXOTEL",
    "PLIVO",
    "TELNYX",
    "TWILIO",
    "VONAGE",
    "Dialect",
    "PhoneCall",
    "TelephoneOutput",
    "TelephoneServer",
]
