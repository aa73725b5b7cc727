"""The directive `public-names`: the API reference of a package, from its `__all__` and the docstrings.

The names are gathered by the module that has them, under that module's name and its docstring's first paragraph.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, get_args, get_origin

from docutils import nodes
from msgspec import Struct
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective
from statemachine import StateChart

PACKAGES = (
    "speech_lifecycle.fsm",
    "speech_lifecycle.adapters",
    "speech_lifecycle.adapters.livekit_agents",
    "speech_lifecycle.diagrams",
    "speech_lifecycle.testing",
    "speech_lifecycle.verification",
)
_CODE = re.compile(r":\n\n(?=    )")
"""What is indented after a colon is code."""
_GOOGLE = Config(napoleon_use_rtype=False)


def setup(app: Sphinx) -> dict[str, object]:
    """Add the directive, and read docstrings as they are written here: Sphinx calls this."""
    app.add_directive("public-names", PublicNames)
    app.connect("autodoc-process-docstring", _sections)
    app.connect("autodoc-process-signature", _fields)
    return {"version": "1", "parallel_read_safe": True}


class PublicNames(SphinxDirective):
    """Documents every name in `__all__` of a package."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        package = import_module(self.arguments[0])
        self.env.note_dependency(str(package.__file__))
        return self.parse_text_to_nodes("\n".join(reference(package)), allow_section_headings=True)


def reference(package: ModuleType) -> list[str]:
    """Return the reference of a package, as lines of reStructuredText."""
    lines = _paragraphs(inspect.getdoc(package) or "")
    for module, names in by_module(package).items():
        title = re.sub(r"[._]", " ", module.removeprefix(package.__name__).removeprefix(".")).capitalize()
        lines += [title, "-" * len(title), ""]
        lines += _paragraphs((inspect.getdoc(import_module(module)) or "").partition("\n\n")[0])
        for name in names:
            lines += _entry(package, module, name)
    return lines


def by_module(package: ModuleType) -> dict[str, list[str]]:
    """Return the names in `__all__`, by the module that the package imports them from."""
    found: dict[str, list[str]] = {}
    public = set(package.__all__)
    for node in ast.walk(ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module:
            names = [alias.name for alias in node.names if alias.name in public]
            if names:
                found.setdefault(resolve_name(f".{node.module}", package.__name__), []).extend(names)
    missing = public - {name for names in found.values() for name in names}
    if missing:
        raise LookupError(f"{package.__name__}: it is not seen where {', '.join(sorted(missing))} come from")
    return found


def type_aliases() -> dict[str, str]:
    """Return the public types that are no classes, so that signatures have their names and not what they stand for."""
    aliases = {"Whole": "int", "Record": "speech_lifecycle.fsm.trace.Record"}
    for name in PACKAGES:
        package = import_module(name)
        aliases |= {each: f"{name}.{each}" for each in package.__all__ if _is_type(getattr(package, each))}
    return aliases


def _entry(package: ModuleType, module: str, name: str) -> list[str]:
    value, full = getattr(package, name), f"{package.__name__}.{name}"
    if inspect.isclass(value):
        if issubclass(value, BaseException):
            return [f".. autoexception:: {full}", "   :show-inheritance:", ""]
        if issubclass(value, StateChart):
            chart = name.removesuffix("Chart").lower()
            picture = [f".. lifecycle-chart:: {chart}", "   :detail: overview", ""]
            return [f".. autoclass:: {full}", "   :no-members:", "", *picture]
        return [f".. autoclass:: {full}", ""]
    if inspect.isroutine(value) or hasattr(value, "__wrapped__"):
        return [f".. autofunction:: {full}", ""]
    said = ModuleAnalyzer.for_module(module).find_attr_docs().get(("", name), [])
    lines = [f".. py:data:: {full}", "", *(f"   {line}" for line in said), ""]
    if _is_type(value):
        lines += [f"   One of {', '.join(_choices(value, package))}.", ""]
    return lines


def _is_type(value: object) -> bool:
    return isinstance(value, UnionType) or get_origin(value) is not None


def _choices(value: object, package: ModuleType) -> Iterator[str]:
    for each in get_args(value):
        name = getattr(each, "__name__", "")
        is_class = isinstance(each, type)
        yield f":py:obj:`{name}`" if is_class and hasattr(package, name) else f"``{name if is_class else each!r}``"


def _paragraphs(text: str) -> list[str]:
    return [*_CODE.sub("::\n\n", text).splitlines(), ""]


def _sections(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Read `Args:` and `Raises:`. What is said of a field is prose: a colon there follows no type."""
    if what not in ("attribute", "data", "property"):
        lines[:] = GoogleDocstring(lines, _GOOGLE, app, what, name, obj, options).lines()


def _fields(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None] | None:
    """Write the fields of a value with the types that the source names."""
    if not (inspect.isclass(obj) and issubclass(obj, Struct)):
        return None
    written: dict[str, Any] = {}
    for base in reversed(obj.__mro__):
        written |= inspect.get_annotations(base)
    aliases = type_aliases()
    parameters = [
        each.replace(annotation=_Written(aliases.get(str(written[each.name]), str(written[each.name]))))
        for each in inspect.signature(obj).parameters.values()
    ]
    return str(inspect.Signature(parameters)), None


class _Written:
    """An annotation that is shown as it is written."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text
