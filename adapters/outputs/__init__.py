"""Audio outputs."""
