"""Machines that run another Definition than the package's own."""

from speech_lifecycle.fsm.machine import machine_for as machine_on

__all__ = ["machine_on"]
