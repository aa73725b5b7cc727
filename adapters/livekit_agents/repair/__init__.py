"""What brings server and history in line with what was heard, where the framework does not."""

from .repair import Repair

__all__ = ["Repair"]
