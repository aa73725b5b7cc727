"""Machines that run another Definition than the package's own."""

from __future__ import annotations

import inspect
from functools import cache
from importlib import import_module
from types import CodeType, ModuleType
from typing import cast

from speech_lifecycle.fsm.definition import Definition
from speech_lifecycle.fsm.machine import SpeechMachine

_definition = vars(import_module("speech_lifecycle.fsm.definition"))
_machine = import_module("speech_lifecycle.fsm.machine")


def machine_on(of: Definition) -> type[SpeechMachine]:
    """Return the class of machines that run this Definition.

    The module of the machine compiles its tables when it is imported; here it is run once more, with another
    Definition to read.
    """
    module = ModuleType(_machine.__name__)
    usual = _definition["definition"]
    _definition["definition"] = cache(lambda: of)
    try:
        exec(_code(), module.__dict__)
    finally:
        _definition["definition"] = usual
    return cast("type[SpeechMachine]", module.SpeechMachine)


@cache
def _code() -> CodeType:
    return compile(inspect.getsource(_machine), str(_machine.__file__), "exec")
