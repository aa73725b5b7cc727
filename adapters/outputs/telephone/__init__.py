"""Telephone calls, by carriers' WebSocket media streams."""

from .dialects import DIALECTS, EXOTEL, PLIVO, TELNYX, TWILIO, VONAGE, Dialect
from .output import TelephoneOutput

__all__ = ["DIALECTS", "EXOTEL", "PLIVO", "TELNYX", "TWILIO", "VONAGE", "Dialect", "TelephoneOutput"]
