"""The exports as files: each format by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .c import c_files
from .document import definition_file
from .model import DefinitionFile, schema
from .statecharts import scxml_files, xstate_files
from .typescript import typescript_files

Writer = Callable[[DefinitionFile], Mapping[str, str]]
"""Returns the text of each file, by its name."""


def _json(definition: DefinitionFile) -> Mapping[str, str]:
    return {"definition.json": _text(definition.model_dump(mode="json")), "definition.schema.json": _text(schema())}


def _text(data: Any) -> str:
    return json.dumps(data, indent=1) + "\n"


FORMATS: Mapping[str, Writer] = {
    "json": _json,
    "typescript": typescript_files,
    "c": c_files,
    "scxml": scxml_files,
    "xstate": xstate_files,
}


def export(format_name: str, output: Path) -> list[Path]:
    """Write one format's files into a folder, which is made if need be; return their paths.

    Raises:
        KeyError: there is no such format.
        OSError: the folder cannot be written to.
    """
    texts = FORMATS[format_name](definition_file())
    output.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in texts.items():
        path = output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if text.startswith("#!"):
            path.chmod(0o755)
        paths.append(path)
    return paths
