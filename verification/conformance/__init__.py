"""Ports of the machines as processes: the protocol by which they are told and answer (docs/porting.md)."""
