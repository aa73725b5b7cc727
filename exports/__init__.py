"""The lifecycle for other languages: as data (`definition.json`), as TypeScript, and as charts for other tools.

Everything here is derived from the Definition. `definition_file()` is the data, `model.DefinitionFile` its pydantic
model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speech_lifecycle.fsm.lazy_exports import lazy_exports

try:
    import pydantic as pydantic
except ImportError as error:
    raise ImportError("the exports need pydantic: pip install 'speech-lifecycle[exports]'") from error

if TYPE_CHECKING:
    from .document import definition_file as definition_file
    from .files import FORMATS as FORMATS
    from .files import export as export
    from .model import DefinitionFile as DefinitionFile

__all__ = ["FORMATS", "DefinitionFile", "definition_file", "export"]
__getattr__ = lazy_exports(
    __name__,
    {"FORMATS": ".files", "DefinitionFile": ".model", "definition_file": ".document", "export": ".files"},
)
