"""The lifecycle as TypeScript: an npm package without dependencies, written from `definition.json`."""

from __future__ import annotations

from .package import typescript_files

__all__ = ["typescript_files"]
