"""What else `speech_lifecycle.c` has: names, fields as data, whether an event is well formed, and who is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..model import DefinitionFile, FieldDefinition
from .functions import FunctionWriter
from .header import event_fields, list_items, parameter, reasons
from .kinds import MUTABLE, c_type, default_of, embedded, kind_of, list_type
from .names import constant, doc, snake, text, variable

_WAYS = {"message_id": "SL_BY_MESSAGE_ID", "response_id": "SL_BY_RESPONSE_ID", "speech_id": "SL_BY_SPEECH_ID"}
_LISTS = {"id": "SL_IS_IDS", "enum": "SL_IS_ENUMS", "struct": "SL_IS_STRUCTS"}
_MAPS = {"id": "SL_IS_MAP_OF_IDS", "enum": "SL_IS_MAP_OF_ENUMS", "struct": "SL_IS_MAP_OF_STRUCTS"}


def names(definition: DefinitionFile) -> Iterator[str]:
    """Yield the names that the header promises."""
    for name, texts in definition.enums.items():
        yield _texts(f"sl_{snake(name)}_texts", ["", *texts])
    yield _texts("sl_event_names", [*definition.events, "", *definition.internal_events])
    yield _texts("sl_effect_names", definition.effects)
    yield _texts("sl_transition_names", [name for chart in definition.charts.values() for name in chart.transitions])
    yield _texts("sl_because_texts", ["", *reasons(definition)])


def _texts(name: str, texts: Iterable[str]) -> str:
    items = "".join(f"    {text(each)},\n" for each in texts)
    return f"const char *const {name}[] = {{\n{items}}};\n\n"


# Fields as data


def layouts(definition: DefinitionFile) -> Iterator[str]:
    """Yield the fields of all structs, events and effects as data."""
    for name, struct in definition.structs.items():
        required = all(not field.required for field in struct.fields)
        if name not in MUTABLE and required:
            yield f"const sl_{snake(name)} sl_default_{snake(name)} = {_initial(struct.fields, definition)};\n"
        else:
            yield f"static const sl_{snake(name)} initial_{snake(name)} = {_initial(struct.fields, definition)};\n"
    yield "\n"
    for name, struct in definition.structs.items():
        its_name = snake(name)
        yield _fields(f"fields_of_{its_name}", f"sl_{its_name}", "", struct.fields, definition)
        is_default = name not in MUTABLE and all(not field.required for field in struct.fields)
        whole = f"{'sl_default' if is_default else 'initial'}_{its_name}"
        yield (
            f"const sl_layout sl_layout_of_{its_name} = {{{text(name)}, sizeof(sl_{its_name}), "
            f"fields_of_{its_name}, {len(struct.fields)}, &{whole}}};\n\n"
        )
    yield from _event_layouts(definition)
    for name, effect in definition.effects.items():
        if effect.fields:
            yield _fields(f"fields_of_effect_{name}", "sl_effect", f"as.{name}.", effect.fields, definition)
    yield "const sl_layout sl_effect_layouts[] = {\n"
    for name, effect in definition.effects.items():
        fields = f"fields_of_effect_{name}" if effect.fields else "NULL"
        yield f"    {{{text(name)}, sizeof(sl_effect), {fields}, {len(effect.fields)}, NULL}},\n"
    yield "};\n\n"


def _event_layouts(definition: DefinitionFile) -> Iterator[str]:
    for name, event in definition.events.items():
        parts = "".join(f", .{each.name} = {default_of(each, definition)}" for each in event.fields)
        yield f"static const sl_event initial_event_{name} = {{.type = {constant('event', name)}{parts}}};\n"
    yield "\n"
    for name, event in definition.events.items():
        required = [field for field in event.fields if field.required]
        given = ", ".join(parameter(field, definition) for field in required)
        setting = "".join(f"    event.{field.name} = {variable(field.name)};\n" for field in required)
        yield f"sl_event sl_event_{name}({given or 'void'})\n{{\n    sl_event event = initial_event_{name};\n"
        yield f"{setting}    return event;\n}}\n\n"
    for name, event in definition.events.items():
        if event.fields:
            yield _fields(f"fields_of_event_{name}", "sl_event", "", event.fields, definition)
    yield "const sl_layout sl_event_layouts[] = {\n"
    for name, event in definition.events.items():
        fields = f"fields_of_event_{name}" if event.fields else "NULL"
        yield f"    {{{text(name)}, sizeof(sl_event), {fields}, {len(event.fields)}, &initial_event_{name}}},\n"
    yield "};\n\n"


def _initial(fields: Iterable[FieldDefinition], definition: DefinitionFile) -> str:
    return f"{{{', '.join(f'.{field.name} = {default_of(field, definition)}' for field in fields)}}}"


def _fields(name: str, struct: str, path: str, fields: Iterable[FieldDefinition], definition: DefinitionFile) -> str:
    items = "".join(f"    {_field(struct, path, field, definition)},\n" for field in fields)
    return f"static const sl_field {name}[] = {{\n{items}}};\n"


def _field(struct: str, path: str, field: FieldDefinition, definition: DefinitionFile) -> str:
    kind = kind_of(field.type, field.name)
    inner, texts, layout, size = kind, "NULL", "NULL", "0"
    match kind.word:
        case "list":
            inner = kind.of[0]
            word = _LISTS[inner.word]
        case "map":
            inner = kind.of[0]
            word = _MAPS.get(inner.word, "SL_IS_MAP_OF_KEYS")
        case "struct":
            word = "SL_IS_PART" if kind.name in embedded(definition) else "SL_IS_STRUCT"
        case other:
            word = f"SL_IS_{other.upper()}"
    count = 0
    if inner.word == "enum":
        texts, count = f"sl_{snake(inner.name)}_texts", len(definition.enums[inner.name]) + 1
        size = f"sizeof({c_type(inner, definition)})"
    if inner.word == "struct":
        layout = f"&sl_layout_of_{snake(inner.name)}"
    if kind.word == "number" and not kind.optional:
        word = "SL_IS_PLAIN_NUMBER"
    flags = f"{str(kind.optional).lower()}, {str(field.required).lower()}"
    least, most = field.minimum or 0, field.maximum or 2**53 - 1
    return (
        f"{{{text(field.name)}, offsetof({struct}, {path}{field.name}), {word}, {flags}, {texts}, {count}, {size}, "
        f"{layout}, {least}, INT64_C({most})}}"
    )


# Events that are received


def receiving(definition: DefinitionFile) -> Iterator[str]:
    """Yield what is known of each event, and the function that says whether one is well formed."""
    yield "const sl_event_facts sl_facts_of_events[] = {\n"
    for event in definition.events.values():
        ways = ", ".join([_WAYS[way] for way in event.route]) or "SL_BY_MESSAGE_ID"
        facts = [
            constant("source", event.source),
            constant("chart", event.chart),
            str(event.conversation).lower(),
            str(len(event.route)),
            f"{{{ways}}}",
        ]
        yield f"    {{{', '.join(facts)}}},\n"
    yield "};\n\nconst sl_because sl_because_unknown[] = {\n"
    yield "".join(f"    [{_WAYS[way]}] = {constant('because', why)},\n" for way, why in definition.unknown.items())
    yield "};\n\n"
    for name, texts in definition.enums.items():
        if any(name == kind_of(field.type).name for field in event_fields(definition).values()):
            none, last = constant(snake(name), "none"), constant(snake(name), texts[-1])
            yield f"#define IS_{snake(name).upper()}(value) ((value) > {none} && (value) <= {last})\n"
    yield "\nbool sl_is_well_formed(const sl_machine *run, const sl_event *event, size_t *texts)\n{\n"
    yield "    switch (event->type) {\n"
    cases: dict[str, list[str]] = {}
    for name, each in definition.events.items():
        sizes = [f"event->{field.name}.size" for field in each.fields if kind_of(field.type, field.name).word == "text"]
        lines = f"        *texts = {' + '.join(sizes)};\n" if sizes else ""
        checks = " &&\n            ".join(filter(None, (_check(field) for field in each.fields))) or "true"
        cases.setdefault(f"{lines}        return {checks};\n", []).append(name)
    for body, events in cases.items():
        yield "".join(f"    case {constant('event', name)}:\n" for name in events)
        yield body
    yield "    default:\n        return false;\n    }\n}\n\n"


def _check(field: FieldDefinition) -> str:
    kind, value = kind_of(field.type, field.name), f"event->{field.name}"
    match kind.word:
        case "text":
            return "" if kind.optional else f"IS_TEXT({value})"
        case "id":
            return f"{'IS_ID_OR_NONE' if kind.optional else 'IS_ID'}(run, {value})"
        case "whole":
            least, most = field.minimum or 0, field.maximum or 2**53 - 1
            check = f"IS_WITHIN({value}, {least}, INT64_C({most}))"
            return f"({value} == SL_NO_WHOLE || {check})" if kind.optional else check
        case "enum":
            check = f"IS_{snake(kind.name).upper()}({value})"
            return f"({value} == {constant(snake(kind.name), 'none')} || {check})" if kind.optional else check
        case "list":
            return f"{snake(kind.of[0].name)}s_are_well_formed({value})"
    return ""


def list_functions(definition: DefinitionFile) -> Iterator[str]:
    """Yield what is asked of lists of enumerations."""
    for item in list_items(definition):
        if item.word != "enum":
            continue
        name, its_type = list_type(item), c_type(item, definition)
        last = constant(snake(item.name), definition.enums[item.name][-1])
        yield (
            f"static inline bool {name}_has({name} list, {its_type} wanted)\n{{\n"
            "    for (size_t i = 0; i < list.count; i++) {\n        if (list.items[i] == wanted) {\n"
            "            return true;\n        }\n    }\n    return false;\n}\n\n"
            f"static inline bool {snake(item.name)}s_are_well_formed({name} list)\n{{\n"
            "    for (size_t i = 0; i < list.count; i++) {\n"
            f"        if (list.items[i] <= {constant(snake(item.name), 'none')} || list.items[i] > {last}) {{\n"
            "            return false;\n        }\n    }\n    return true;\n}\n\n"
        )


# Who is asked


def asking(definition: DefinitionFile, functions: FunctionWriter) -> Iterator[str]:
    """Yield the functions by which sl_send has charts answer."""
    charts = definition.charts
    conversation = [name for name, event in definition.events.items() if event.conversation]
    yield _dispatch("message", "sl_speech *speech, sl_message *message", charts["message"].events)
    yield _dispatch("speech", "sl_speech *speech", charts["speech"].events)
    yield _dispatch("conversation", "sl_conversation *conversation", conversation)
    for name in ("speech", "conversation"):
        yield from _handling(name, definition)
    regions = [
        region.field for region in charts["conversation"].regions if any("" in cells for cells in region.cells.values())
    ]
    finds = ",\n        ".join(f"{field}_eventless(run, conversation)" for field in regions)
    yield (
        f"{doc('Takes what each region has without an event; false if none has anything.')}"
        "bool sl_take_eventless(sl_machine *run, sl_conversation *conversation)\n{\n"
        f"    const sl_taking found[] = {{\n        {finds},\n    }};\n    bool is_any = false;\n"
        "    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {\n        if (found[i] != NULL) {\n"
        "            found[i](run, conversation);\n            is_any = true;\n        }\n    }\n"
        "    return is_any;\n}\n\n"
    )
    yield doc("Notes what the conversation is told of a speech that has handled an event.")
    yield "void sl_note_notices(sl_machine *run, sl_speech *speech, sl_speech_state was, bool had_ended)\n{\n"
    for name, function in definition.notices.items():
        call = functions.call_with(function, ["speech", "was", "had_ended"])
        yield f"    if ({call}) {{\n        "
        yield f"sl_raise_notice(run, {constant('raised', name)}, GET(Speech, speech, speech_id));\n    }}\n"
    yield "}\n"


def _dispatch(chart: str, parameters: str, events: Iterable[str]) -> str:
    data = ", ".join(each.split("*")[-1] for each in parameters.split(", "))
    cases = "".join(
        f"    case {constant('event', event)}:\n        return {chart}_on_{event}(run, {data}, event);\n"
        for event in events
    )
    return (
        f"const sl_answer *sl_ask_{chart}(sl_machine *run, {parameters}, const sl_event *event)\n{{\n"
        f"    switch (event->type) {{\n{cases}    default:\n        return &sl_no_cell;\n    }}\n}}\n\n"
    )


def _handling(chart: str, definition: DefinitionFile) -> Iterator[str]:
    """Yield the function that has a chart handle what was raised: most of it is a name alone."""
    named = ", sl_id speech_id" if chart == "conversation" else ""
    yield f"void sl_{chart}_handles(sl_machine *run, sl_{chart} *{chart}, sl_raised raised{named})\n{{\n"
    yield "    switch (raised) {\n"
    for event in definition.charts[chart].internal_events:  # type: ignore[index]
        yield f"    case {constant('raised', event)}:\n"
        if event in definition.internal_events:
            yield (
                f"        {chart}_on_{event}(run, {chart}, &(sl_event){{.type = {constant('event', event)}, "
                ".speech_id = speech_id});\n        break;\n"
            )
        else:
            yield f"        {chart}_on_{event}(run, {chart});\n        break;\n"
    yield "    default:\n        break;\n    }\n}\n\n"
