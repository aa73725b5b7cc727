"""How what the definition names is called in C, and its literals and comments."""

from __future__ import annotations

import re
from collections.abc import Iterable

_RESERVED = frozenset(
    re.findall(
        r"\w+",
        "auto bool break case char const continue default do double else enum extern false float for goto if inline int"
        " long register restrict return run short signed sizeof static struct switch true typedef union unsigned void"
        " volatile while",
    )
)


def snake(name: str) -> str:
    """Return a name of a type without its prefix: `HeardMsStatus` is `heard_ms_status`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def variable(name: str) -> str:
    """Return the name of a parameter or a local variable."""
    return f"{name}_" if name in _RESERVED else name


def constant(*parts: str) -> str:
    """Return the name of a constant: `("reason", "timed_out")` is `SL_REASON_TIMED_OUT`."""
    return re.sub(r"[^A-Z0-9]+", "_", "_".join(("SL", *parts)).upper())


def function_names(functions: Iterable[str]) -> dict[str, str]:
    """Return what functions are called. One for the module alone may have the name of one for all."""
    names: dict[str, str] = {}
    for function in functions:
        name = re.sub(r"[^a-z0-9]+", "_", ".".join(snake(part) for part in function.split(".")))
        names[function] = f"{name}_" if name in names.values() else name
    return names


def text(value: str) -> str:
    """Return a literal, whatever is in it."""
    written = []
    for byte in value.encode("utf-8", "surrogatepass"):
        character = chr(byte)
        if character in '"\\?' or not 32 <= byte < 127:
            written.append(f"\\{byte:03o}")
        else:
            written.append(character)
    return f'"{"".join(written)}"'


def size_of(value: str) -> int:
    """Return the bytes of a text in UTF-8."""
    return len(value.encode("utf-8", "surrogatepass"))


def doc(lines: str, indent: str = "") -> str:
    """Return a comment above what it is about; "" of none."""
    if not lines:
        return ""
    first, *rest = lines.replace("*/", "* /").replace("/*", "/ *").splitlines()
    if not rest:
        return f"{indent}/** {first} */\n"
    body = [f"{indent} * {line}".rstrip() + "\n" for line in [first, *rest]]
    return "".join([f"{indent}/**\n", *body, f"{indent} */\n"])
