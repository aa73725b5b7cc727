"""`speech_lifecycle.h`, which says all that the specification says of values, events, effects and the snapshot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from ..model import DefinitionFile, FieldDefinition
from .charts import transition_constant
from .kinds import MUTABLE, Kind, c_type, every_fields, field_type, kind_of, list_type
from .names import constant, doc, snake, text, variable

_OWN_REASONS = ("unknown_event", "malformed_event", "unknown_message", "no_speech")
"""Those that docs/porting.md gives to what no chart answers."""


def header(definition: DefinitionFile) -> Iterator[str]:
    """Yield the parts between the types of values and the machine's functions."""
    yield f"#define SL_SPEC_VERSION {text(definition.spec_version)}\n"
    yield f"#define SL_BEHAVIOUR_DIGEST {text(definition.behaviour_digest)}\n"
    yield "\n/* Enumerations. _NONE is null. */\n\n"
    for name, texts in definition.enums.items():
        yield _enumeration(name, ["none", *texts])
        yield "/** Its texts, as in the specification; of _NONE there is none. */\n"
        yield f"extern const char *const sl_{snake(name)}_texts[];\n\n"
    yield "/* What is listed. Nothing in a list may be changed. */\n\n"
    for item in list_items(definition):
        if item.word == "struct":
            yield f"typedef struct sl_{snake(item.name)} sl_{snake(item.name)};\n"
        its_type = c_type(item, definition)
        space = "" if its_type.endswith("*") else " "
        name = list_type(item)
        its_type = f"const {its_type}" if item.word == "enum" else its_type
        yield f"typedef struct {name} {{\n    {its_type}{space}*items;\n    size_t count;\n}} {name};\n\n"
    yield "/* The snapshot, and what it has in it */\n\n"
    for name, struct in definition.structs.items():
        yield f"{doc(struct.doc)}typedef struct sl_{snake(name)} {{\n"
        yield "".join(_field(field, definition) for field in struct.fields)
        yield f"}} sl_{snake(name)};\n\n"
    for name in definition.structs:
        if name not in MUTABLE and all(not field.required for field in definition.structs[name].fields):
            yield "/** As it is if nothing else is said. */\n"
            yield f"extern const sl_{snake(name)} sl_default_{snake(name)};\n\n"
    yield from _events(definition)
    yield _raised(definition)
    yield from _effects(definition)
    yield "/* Transitions, by their permanent names */\n\n"
    yield "typedef enum sl_transition {\n"
    for chart in definition.charts.values():
        yield "".join(f"    {transition_constant(name)}, /* {name} */\n" for name in chart.transitions)
    yield "    SL_TRANSITION_COUNT\n} sl_transition;\n"
    yield "extern const char *const sl_transition_names[];\n\n"
    yield _enumeration("Because", ["none", *reasons(definition)], "Why an event is not handled.")
    yield "extern const char *const sl_because_texts[];\n\n"


def _enumeration(name: str, texts: Iterable[str], its_doc: str = "") -> str:
    members = ",\n".join(f"    {constant(snake(name), each)}" for each in texts)
    return f"{doc(its_doc)}typedef enum sl_{snake(name)} {{\n{members}\n}} sl_{snake(name)};\n"


def _raised(definition: DefinitionFile) -> str:
    found = dict.fromkeys(
        [*definition.charts["speech"].internal_events, *definition.charts["conversation"].internal_events]
    )
    members = ",\n".join(f"    {constant('raised', name)}" for name in found)
    comment = doc("What charts raise for themselves: it is handled when the present transition is done.")
    return f"{comment}typedef enum sl_raised {{\n{members}\n}} sl_raised;\n\n"


def reasons(definition: DefinitionFile) -> list[str]:
    """Return why events are not handled, each once."""
    found = dict.fromkeys([*_OWN_REASONS, *definition.unknown.values()])
    for chart in definition.charts.values():
        found |= dict.fromkeys(each.reason for each in chart.transitions.values() if each.reason)
    return [*found]


def _field(field: FieldDefinition, definition: DefinitionFile, indent: str = "    ") -> str:
    its_type = field_type(field, definition)
    space = "" if its_type.endswith("*") else " "
    kind = kind_of(field.type, field.name)
    note = "may be null" if kind.optional else ""
    if kind.word == "map":
        note = f"of {_plural(kind.of[0])}"
    comment = f" /* {note} */" if note else ""
    return f"{doc(field.doc, indent)}{indent}{its_type}{space}{field.name};{comment}\n"


def _plural(kind: Kind) -> str:
    words = {"nothing": "keys alone", "id": "ids"}
    return words.get(kind.word, f"sl_{snake(kind.name)}")


def list_items(definition: DefinitionFile) -> list[Kind]:
    """Return what there are lists of, but for ids and texts."""
    found: dict[Kind, None] = {}
    for fields in every_fields(definition):
        for field in fields:
            kind = kind_of(field.type, field.name)
            if kind.word == "list" and kind.of[0].word != "id":
                found[kind.of[0]] = None
    return [*found]


# Events


def event_fields(definition: DefinitionFile) -> dict[str, FieldDefinition]:
    """Return the fields of all events by name. Those of one name are of one kind, and have one place."""
    found: dict[str, FieldDefinition] = {}
    for family in (definition.events, definition.internal_events):
        for each in family.values():
            for field in each.fields:
                known = found.setdefault(field.name, field)
                assert kind_of(known.type, field.name) == kind_of(field.type, field.name), field.name
    return found


def _events(definition: DefinitionFile) -> Iterator[str]:
    yield "/* Events: what comes in. A function makes each of what it must have; the rest is as it says. */\n\n"
    yield "typedef enum sl_event_type {\n"
    yield "".join(f"    {constant('event', name)},\n" for name in definition.events)
    yield "    SL_EVENT_COUNT,\n"
    yield "    /* What the machine tells itself. */\n"
    yield "".join(f"    {constant('event', name)},\n" for name in definition.internal_events)
    yield "    SL_EVENT_COUNT_OF_ALL\n} sl_event_type;\nextern const char *const sl_event_names[];\n\n"
    yield "/** One event. It has the fields that the function below names which makes it; others do not matter. */\n"
    yield "typedef struct sl_event {\n    sl_event_type type;\n"
    for field in event_fields(definition).values():
        yield _field(field.model_copy(update={"doc": ""}), definition)
    yield "} sl_event;\n\n"
    for name, event in definition.events.items():
        required = [field for field in event.fields if field.required]
        given = ", ".join(parameter(field, definition) for field in required)
        says = [event.doc, "", f"Said by: {event.source}."]
        for field in event.fields:
            default = "" if field.required else f" ({_shown(field.default)} if it is not said)"
            says.append(f"{field.name}: {field.doc or 'see above'}{default}" if field.doc else f"{field.name}{default}")
        yield f"{doc(chr(10).join(says))}sl_event sl_event_{name}({given or 'void'});\n\n"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return json.dumps(value) if value is None or value == "" or isinstance(value, bool) else str(value)


def parameter(field: FieldDefinition, definition: DefinitionFile) -> str:
    """Return a field as a parameter of the function that makes its event."""
    its_type = field_type(field, definition)
    return f"{its_type}{'' if its_type.endswith('*') else ' '}{variable(field.name)}"


# Effects


def _effects(definition: DefinitionFile) -> Iterator[str]:
    yield "/* Effects: what goes out */\n\ntypedef enum sl_effect_type {\n"
    yield "".join(f"    {constant('effect', name)},\n" for name in definition.effects)
    yield "    SL_EFFECT_COUNT\n} sl_effect_type;\nextern const char *const sl_effect_names[];\n\n"
    for name, effect in definition.effects.items():
        says = doc(f"{effect.doc}\n\nFor the {effect.to}.")
        if not effect.fields:
            yield f"{says}/* {constant('effect', name)} has no fields. */\n\n"
            continue
        yield f"{says}typedef struct sl_effect_{name} {{\n"
        yield "".join(_field(field, definition) for field in effect.fields)
        yield f"}} sl_effect_{name};\n\n"
    yield "/** One effect: its type says which of the structs it has. */\n"
    yield "typedef struct sl_effect {\n    sl_effect_type type;\n    union {\n"
    yield "".join(f"        sl_effect_{name} {name};\n" for name, effect in definition.effects.items() if effect.fields)
    yield "    } as;\n} sl_effect;\n\n"
