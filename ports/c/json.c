/* JSON as RFC 8259 has it. Half a surrogate pair is kept: it is read as three bytes, and written as it was read. */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEEPEST 200

static void *grown(void *items, size_t *room, size_t needed, size_t item_size)
{
    if (needed <= *room) {
        return items;
    }
    *room = 2 * needed + 64;
    void *more = realloc(items, *room * item_size);
    if (more == NULL) {
        abort();
    }
    return more;
}

/* Reading */

typedef struct reader {
    sl_json_values *values;
    char *at;
} reader;

static void skip_spaces(reader *from)
{
    while (*from->at == ' ' || *from->at == '\t' || *from->at == '\n' || *from->at == '\r') {
        from->at++;
    }
}

static int hexadecimal(const char *digits)
{
    int code = 0;
    for (int i = 0; i < 4; i++) {
        const char digit = digits[i];
        const int value = digit >= '0' && digit <= '9'   ? digit - '0'
                          : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                          : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                         : -1;
        if (value < 0) {
            return -1;
        }
        code = code * 16 + value;
    }
    return code;
}

static char *put_character(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xF0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

/** Reads a text to where it stood: what is escaped takes more bytes than what it stands for. */
static bool read_text(reader *from, sl_json *value)
{
    static const char escaped[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char *to = ++from->at;
    value->type = SL_JSON_TEXT;
    value->text = to;
    while (*from->at != '"') {
        if ((unsigned char)*from->at < 0x20) {
            return false;
        }
        if (*from->at != '\\') {
            *to++ = *from->at++;
            continue;
        }
        from->at++;
        if (*from->at == 'u') {
            int code = hexadecimal(from->at + 1);
            if (code < 0) {
                return false;
            }
            from->at += 5;
            if (code >= 0xD800 && code < 0xDC00 && from->at[0] == '\\' && from->at[1] == 'u') {
                const int second = hexadecimal(from->at + 2);
                if (second >= 0xDC00 && second < 0xE000) {
                    code = 0x10000 + (code - 0xD800) * 0x400 + (second - 0xDC00);
                    from->at += 6;
                }
            }
            to = put_character(to, (unsigned)code);
            continue;
        }
        const char *found = *from->at == 0 ? NULL : strchr(escaped, *from->at);
        if (found == NULL) {
            return false;
        }
        *to++ = meant[found - escaped];
        from->at++;
    }
    from->at++;
    value->size = (size_t)(to - value->text);
    return true;
}

static const char *digits(const char *at)
{
    while (*at >= '0' && *at <= '9') {
        at++;
    }
    return at;
}

static bool read_number(reader *from, sl_json *value)
{
    const char *at = from->at + (*from->at == '-'), *begin = at;
    at = digits(at);
    if (at == begin || (*begin == '0' && at > begin + 1)) {
        return false;
    }
    value->type = SL_JSON_NUMBER;
    value->is_whole = *at != '.' && *at != 'e' && *at != 'E' && at - begin < 18;
    if (*at == '.') {
        begin = ++at;
        at = digits(at);
        if (at == begin) {
            return false;
        }
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        begin = at += *at == '+' || *at == '-';
        at = digits(at);
        if (at == begin) {
            return false;
        }
    }
    value->number = strtod(from->at, NULL);
    value->whole = value->is_whole ? strtoll(from->at, NULL, 10) : 0;
    from->at += at - from->at;
    return true;
}

static bool read_word(reader *from, const char *word)
{
    const size_t size = strlen(word);
    if (strncmp(from->at, word, size) != 0) {
        return false;
    }
    from->at += size;
    return true;
}

static bool read_value(reader *from, unsigned depth);

/** Reads what is in a list or an object, up to its end. */
static bool read_items(reader *from, char end, unsigned depth)
{
    from->at++;
    skip_spaces(from);
    if (*from->at == end) {
        from->at++;
        return true;
    }
    for (;;) {
        if (end == '}') {
            skip_spaces(from);
            if (*from->at != '"' || !read_value(from, depth)) {
                return false;
            }
            skip_spaces(from);
            if (*from->at++ != ':') {
                return false;
            }
        }
        if (!read_value(from, depth)) {
            return false;
        }
        skip_spaces(from);
        if (*from->at == end) {
            from->at++;
            return true;
        }
        if (*from->at++ != ',') {
            return false;
        }
    }
}

static bool read_value(reader *from, unsigned depth)
{
    sl_json_values *values = from->values;
    values->items = grown(values->items, &values->room, values->count + 1, sizeof *values->items);
    const size_t place = values->count++;
    sl_json value = {SL_JSON_NULL, 0, NULL, 0, 0, false, 0};
    bool is_right;
    skip_spaces(from);
    switch (*from->at) {
    case '{':
    case '[':
        value.type = *from->at == '{' ? SL_JSON_OBJECT : SL_JSON_LIST;
        is_right = depth < DEEPEST && read_items(from, *from->at == '{' ? '}' : ']', depth + 1);
        break;
    case '"':
        is_right = read_text(from, &value);
        break;
    case 'n':
        is_right = read_word(from, "null");
        break;
    case 't':
        value.type = SL_JSON_TRUE;
        is_right = read_word(from, "true");
        break;
    case 'f':
        value.type = SL_JSON_FALSE;
        is_right = read_word(from, "false");
        break;
    default:
        is_right = read_number(from, &value);
    }
    value.next = values->count;
    values->items[place] = value;
    return is_right;
}

bool sl_json_read(sl_json_values *values, char *text)
{
    reader from = {values, text};
    values->count = values->lists_used = 0;
    if (!read_value(&from, 0)) {
        return false;
    }
    skip_spaces(&from);
    return *from.at == 0;
}

bool sl_json_is(const sl_json *value, const char *text)
{
    return value != NULL && value->type == SL_JSON_TEXT && value->size == strlen(text) &&
           memcmp(value->text, text, value->size) == 0;
}

const sl_json *sl_json_get(const sl_json_values *values, const sl_json *object, const char *name)
{
    const sl_json *found = NULL;
    if (object == NULL || object->type != SL_JSON_OBJECT) {
        return NULL;
    }
    for (const sl_json *key = object + 1; key < values->items + object->next; key = values->items + key[1].next) {
        if (sl_json_is(key, name)) {
            found = key + 1; /* the last counts */
        }
    }
    return found;
}

void sl_json_free(sl_json_values *values)
{
    free(values->items);
    free(values->lists);
    memset(values, 0, sizeof *values);
}

/* Fields */

static bool is_id(sl_machine *machine, const sl_json *value, sl_id *id)
{
    if (value->type != SL_JSON_TEXT) {
        return false;
    }
    *id = sl_id_of(machine, value->text, value->size);
    return *id != SL_NO_ID;
}

static bool is_number(const sl_json *value, double *number)
{
    if (value->type == SL_JSON_NUMBER) {
        *number = value->number;
        return true;
    }
    if (sl_json_is(value, "nan")) {
        *number = (double)NAN;
    } else if (sl_json_is(value, "inf") || sl_json_is(value, "-inf")) {
        *number = *value->text == '-' ? -HUGE_VAL : HUGE_VAL;
    } else {
        return false;
    }
    return true;
}

static bool is_enum(const sl_field *field, const sl_json *value, void *place)
{
    for (unsigned i = 1; i < field->text_count; i++) {
        if (sl_json_is(value, field->texts[i])) {
            sl_set_enum_at(place, field->enum_size, i);
            return true;
        }
    }
    return false;
}

static void set_null(const sl_field *field, void *place)
{
    switch (field->kind) {
    case SL_IS_TEXT:
        memset(place, 0, sizeof(sl_text));
        break;
    case SL_IS_ID:
        *(sl_id *)place = SL_NO_ID;
        break;
    case SL_IS_WHOLE:
        *(sl_whole *)place = SL_NO_WHOLE;
        break;
    case SL_IS_NUMBER:
        *(sl_number *)place = (sl_number){false, 0};
        break;
    case SL_IS_ENUM:
        sl_set_enum_at(place, field->enum_size, 0);
        break;
    default:
        memset(place, 0, sizeof(void *));
    }
}

static const sl_json *end_of(const sl_json_values *values, const sl_json *value)
{
    return values->items + value->next;
}

/** Has room for a list of enumerations. It must not move while one value is read, so that there is enough for all. */
static void *room_for_list(sl_json_values *values, size_t size)
{
    if (values->lists_used == 0) {
        values->lists = grown(values->lists, &values->lists_room, values->count * sizeof(unsigned), 1);
    }
    void *room = (char *)values->lists + values->lists_used;
    values->lists_used += (size + 7) & ~(size_t)7;
    return values->lists_used <= values->lists_room ? room : NULL;
}

static bool read_list(sl_machine *machine, sl_json_values *values, const sl_field *field, const sl_json *value,
                      void *place)
{
    if (value->type != SL_JSON_LIST) {
        return false;
    }
    size_t count = 0;
    const sl_json *end = end_of(values, value);
    for (const sl_json *item = value + 1; item < end; item = end_of(values, item)) {
        count++;
    }
    const size_t size = field->kind == SL_IS_IDS ? sizeof(sl_id) : field->enum_size;
    char *items = field->kind == SL_IS_IDS ? sl_kept_room(machine, count * size) : room_for_list(values, count * size);
    if (items == NULL) {
        return false;
    }
    size_t i = 0;
    for (const sl_json *item = value + 1; item < end; item = end_of(values, item)) {
        char *at = items + i++ * size;
        if (field->kind == SL_IS_IDS ? !is_id(machine, item, (sl_id *)(void *)at) : !is_enum(field, item, at)) {
            return false;
        }
    }
    /* All lists are laid out as this one is. */
    const sl_ids list = {(sl_id *)(void *)items, count};
    memcpy(place, &list, sizeof list);
    return true;
}

static bool read_map(sl_machine *machine, sl_json_values *values, const sl_field *field, const sl_json *value,
                     sl_map *map)
{
    if (value->type != SL_JSON_OBJECT) {
        return false;
    }
    memset(map, 0, sizeof *map);
    for (const sl_json *key = value + 1; key < end_of(values, value); key = end_of(values, key + 1)) {
        const sl_json *item = key + 1;
        sl_id id;
        sl_entry entry = {0, 0, NULL};
        if (!is_id(machine, key, &id)) {
            return false;
        }
        switch (field->kind) {
        case SL_IS_MAP_OF_IDS:
            if (!is_id(machine, item, &entry.number)) {
                return false;
            }
            break;
        case SL_IS_MAP_OF_ENUMS:
            for (unsigned i = 1; i < field->text_count; i++) {
                entry.number = sl_json_is(item, field->texts[i]) ? i : entry.number;
            }
            if (entry.number == 0) {
                return false;
            }
            break;
        case SL_IS_MAP_OF_STRUCTS:
            entry.object = sl_kept_copy(machine, field->layout->initial, field->layout->size);
            if (sl_json_to_struct(machine, values, item, field->layout, entry.object) != NULL) {
                return false;
            }
            break;
        default:
            if (item->type != SL_JSON_NULL) {
                return false;
            }
        }
        sl_entry *put = sl_put(machine, map, id);
        put->number = entry.number;
        put->object = entry.object;
    }
    return true;
}

static bool read_field(sl_machine *machine, sl_json_values *values, const sl_field *field, const sl_json *value,
                       void *place, bool is_kept)
{
    if (value->type == SL_JSON_NULL && field->is_optional) {
        set_null(field, place);
        return true;
    }
    switch (field->kind) {
    case SL_IS_TEXT: {
        if (value->type != SL_JSON_TEXT) {
            return false;
        }
        const sl_text text = {value->text, (uint32_t)value->size, SL_YOURS};
        *(sl_text *)place = is_kept ? sl_keep(machine, text) : text;
        return true;
    }
    case SL_IS_ID:
        return is_id(machine, value, place);
    case SL_IS_WHOLE:
        *(sl_whole *)place = value->whole;
        return value->type == SL_JSON_NUMBER && value->is_whole && value->whole >= field->least &&
               value->whole <= field->most;
    case SL_IS_NUMBER:
        ((sl_number *)place)->is_known = true;
        return is_number(value, &((sl_number *)place)->value);
    case SL_IS_PLAIN_NUMBER:
        return is_number(value, place);
    case SL_IS_FLAG:
        *(bool *)place = value->type == SL_JSON_TRUE;
        return value->type == SL_JSON_TRUE || value->type == SL_JSON_FALSE;
    case SL_IS_ENUM:
        return is_enum(field, value, place);
    case SL_IS_PART:
        return sl_json_to_struct(machine, values, value, field->layout, place) == NULL;
    case SL_IS_STRUCT: {
        void *read = sl_kept_copy(machine, field->layout->initial, field->layout->size);
        memcpy(place, &read, sizeof read);
        return sl_json_to_struct(machine, values, value, field->layout, read) == NULL;
    }
    case SL_IS_IDS:
    case SL_IS_ENUMS:
        return read_list(machine, values, field, value, place);
    case SL_IS_STRUCTS:
        return false;
    default:
        return read_map(machine, values, field, value, place);
    }
}

static const char *read_fields(sl_machine *machine, sl_json_values *values, const sl_json *object,
                               const sl_layout *layout, void *into, bool is_event)
{
    if (object->type != SL_JSON_OBJECT) {
        return layout->name;
    }
    for (const sl_json *key = object + 1; key < end_of(values, object); key = end_of(values, key + 1)) {
        const sl_field *found = NULL;
        for (size_t i = 0; i < layout->count && found == NULL; i++) {
            found = sl_json_is(key, layout->fields[i].name) ? &layout->fields[i] : NULL;
        }
        if (found == NULL) {
            if (is_event && sl_json_is(key, "type")) {
                continue;
            }
            return layout->name;
        }
        if (!read_field(machine, values, found, key + 1, (char *)into + found->offset, !is_event)) {
            return found->name;
        }
    }
    for (size_t i = 0; i < layout->count; i++) {
        if (layout->fields[i].is_required && sl_json_get(values, object, layout->fields[i].name) == NULL) {
            return layout->fields[i].name;
        }
    }
    return NULL;
}

const char *sl_json_to_struct(sl_machine *machine, sl_json_values *values, const sl_json *object,
                              const sl_layout *layout, void *into)
{
    return read_fields(machine, values, object, layout, into, false);
}

bool sl_json_to_event(sl_machine *machine, sl_json_values *values, const sl_json *object, sl_event *event)
{
    const sl_layout *layout = &sl_event_layouts[event->type];
    memcpy(event, layout->initial, sizeof *event);
    return read_fields(machine, values, object, layout, event, true) == NULL;
}

/* Writing */

static void put_bytes(sl_json_out *out, const char *data, size_t size)
{
    out->data = grown(out->data, &out->room, out->size + size + 1, 1);
    memcpy(out->data + out->size, data, size);
    out->size += size;
    out->data[out->size] = 0;
}

void sl_json_put(sl_json_out *out, const char *text)
{
    put_bytes(out, text, strlen(text));
}

void sl_json_put_text(sl_json_out *out, const char *data, size_t size)
{
    sl_json_put(out, "\"");
    size_t begin = 0;
    for (size_t i = 0; i < size; i++) {
        const unsigned char byte = (unsigned char)data[i];
        const bool is_half = byte == 0xED && i + 2 < size && (unsigned char)data[i + 1] >= 0xA0;
        if (byte >= 0x20 && byte != '"' && byte != '\\' && !is_half) {
            continue;
        }
        put_bytes(out, data + begin, i - begin);
        unsigned code = byte;
        if (is_half) {
            code = 0xD000u | ((unsigned char)data[i + 1] & 0x3Fu) << 6 | ((unsigned char)data[i + 2] & 0x3Fu);
            i += 2;
        }
        char escaped[8];
        (void)snprintf(escaped, sizeof escaped, "\\u%04x", code & 0xFFFFu);
        sl_json_put(out, escaped);
        begin = i + 1;
    }
    put_bytes(out, data + begin, size - begin);
    sl_json_put(out, "\"");
}

static void put_id(sl_json_out *out, const sl_machine *machine, sl_id id)
{
    const sl_text text = sl_text_of(machine, id);
    if (text.data == NULL) {
        sl_json_put(out, "null");
    } else {
        sl_json_put_text(out, text.data, text.size);
    }
}

static void put_enum(sl_json_out *out, const sl_field *field, unsigned value)
{
    if (value == 0) {
        sl_json_put(out, "null");
    } else {
        sl_json_put_text(out, field->texts[value], strlen(field->texts[value]));
    }
}

static void put_map(sl_json_out *out, const sl_machine *machine, const sl_field *field, const sl_map *map)
{
    const char *between = "{";
    for (uint32_t i = 0; i < map->used; i++) {
        const sl_entry *entry = &map->entries[i];
        if (entry->key == SL_NO_ID) {
            continue;
        }
        sl_json_put(out, between);
        between = ",";
        put_id(out, machine, entry->key);
        sl_json_put(out, ":");
        switch (field->kind) {
        case SL_IS_MAP_OF_IDS:
            put_id(out, machine, entry->number);
            break;
        case SL_IS_MAP_OF_ENUMS:
            put_enum(out, field, entry->number);
            break;
        case SL_IS_MAP_OF_STRUCTS:
            sl_json_from_struct(out, machine, field->layout, entry->object);
            break;
        default:
            sl_json_put(out, "null");
        }
    }
    sl_json_put(out, *between == '{' ? "{}" : "}");
}

static void put_list(sl_json_out *out, const sl_machine *machine, const sl_field *field, const void *place)
{
    /* All lists are laid out as this one is. */
    sl_ids list;
    memcpy(&list, place, sizeof list);
    sl_json_put(out, "[");
    for (size_t i = 0; i < list.count; i++) {
        sl_json_put(out, i > 0 ? "," : "");
        const char *items = (const char *)list.items;
        if (field->kind == SL_IS_IDS) {
            put_id(out, machine, list.items[i]);
        } else if (field->kind == SL_IS_ENUMS) {
            put_enum(out, field, sl_enum_at(items + i * field->enum_size, field->enum_size));
        } else {
            const void *object;
            memcpy(&object, items + i * sizeof object, sizeof object);
            sl_json_from_struct(out, machine, field->layout, object);
        }
    }
    sl_json_put(out, "]");
}

static void put_field(sl_json_out *out, const sl_machine *machine, const sl_field *field, const void *place)
{
    switch (field->kind) {
    case SL_IS_TEXT: {
        const sl_text *text = place;
        if (text->data == NULL) {
            sl_json_put(out, "null");
        } else {
            sl_json_put_text(out, text->data, text->size);
        }
        break;
    }
    case SL_IS_ID:
        put_id(out, machine, *(const sl_id *)place);
        break;
    case SL_IS_WHOLE: {
        const sl_whole value = *(const sl_whole *)place;
        char digits_of[24];
        (void)snprintf(digits_of, sizeof digits_of, "%" PRId64, value);
        sl_json_put(out, value == SL_NO_WHOLE ? "null" : digits_of);
        break;
    }
    case SL_IS_FLAG:
        sl_json_put(out, *(const bool *)place ? "true" : "false");
        break;
    case SL_IS_ENUM:
        put_enum(out, field, sl_enum_at(place, field->enum_size));
        break;
    case SL_IS_PART:
        sl_json_from_struct(out, machine, field->layout, place);
        break;
    case SL_IS_STRUCT: {
        const void *object;
        memcpy(&object, place, sizeof object);
        if (object == NULL) {
            sl_json_put(out, "null");
        } else {
            sl_json_from_struct(out, machine, field->layout, object);
        }
        break;
    }
    case SL_IS_IDS:
    case SL_IS_ENUMS:
    case SL_IS_STRUCTS:
        put_list(out, machine, field, place);
        break;
    case SL_IS_NUMBER:
    case SL_IS_PLAIN_NUMBER: /* only events have them */
        sl_json_put(out, "null");
        break;
    default:
        put_map(out, machine, field, place);
    }
}

static void put_fields(sl_json_out *out, const sl_machine *machine, const sl_layout *layout, const void *object,
                       const char *between)
{
    for (size_t i = 0; i < layout->count; i++) {
        const sl_field *field = &layout->fields[i];
        sl_json_put(out, between);
        between = ",";
        sl_json_put_text(out, field->name, strlen(field->name));
        sl_json_put(out, ":");
        put_field(out, machine, field, (const char *)object + field->offset);
    }
}

void sl_json_from_struct(sl_json_out *out, const sl_machine *machine, const sl_layout *layout, const void *object)
{
    sl_json_put(out, "{");
    put_fields(out, machine, layout, object, "");
    sl_json_put(out, "}");
}

void sl_json_from_effect(sl_json_out *out, const sl_machine *machine, const sl_effect *effect)
{
    sl_json_put(out, "{\"type\":");
    sl_json_put_text(out, sl_effect_names[effect->type], strlen(sl_effect_names[effect->type]));
    put_fields(out, machine, &sl_effect_layouts[effect->type], effect, ",");
    sl_json_put(out, "}");
}

void sl_json_from_snapshot(sl_json_out *out, const sl_machine *machine)
{
    if (machine->conversation != NULL) {
        sl_json_from_struct(out, machine, &sl_layout_of_conversation, machine->conversation);
    } else {
        sl_json_from_struct(out, machine, &sl_layout_of_speech, machine->speech);
    }
}
