"""Adapters: the driver that joins a session, an output and the machine, and parts to join."""
