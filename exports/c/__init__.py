"""The lifecycle as C11: a library without dependencies, written from `definition.json`."""

from __future__ import annotations

from .package import c_files

__all__ = ["c_files"]
