/* The machine: who is asked, what is taken, in which order (docs/porting.md), and its memory. */
#include "internal.h"
#include "layer.h"

#include <stdlib.h>

/*
 * What one event can take of memory, at most: so much by itself, and for each speech and each message that there is. An
 * event is refused, SL_REPLY_FULL, if there is less, so that none is left half done. Tests play the worst cases with just
 * as much.
 */
#define ROOM_OF_EVENT 2048
#define ROOM_OF_SPEECH 1024
#define ROOM_OF_MESSAGE 1024
#define ROOM_OF_TEXT 10 /* for each byte of the longest: its words can be as many as half of its bytes */

/* How much more than it has to a machine takes that grows. A test has it take no more, and so move with every event. */
#ifndef SL_GROWTH
#define SL_GROWTH 2
#endif

typedef struct sl_known_id {
    sl_text text;
    uint32_t hash;
    uint32_t next_spare; /* of a number that nobody has */
} sl_known_id;

const sl_answer sl_no_cell = {SL_REPLY_REJECTED, SL_BECAUSE_NONE, SL_SOURCE_NONE, SL_TRANSITION_COUNT};

/* Memory: kept things from the beginning on, borrowed ones from the end. */

_Noreturn void sl_exhausted(void)
{
    abort();
}

static size_t room_left(const sl_machine *machine)
{
    return (size_t)(machine->borrowed - machine->used);
}

bool sl_has(const sl_machine *machine, const void *place)
{
    return (uintptr_t)place >= (uintptr_t)machine->memory && (uintptr_t)place < (uintptr_t)machine->used;
}

void *sl_grown(sl_machine *run, const void *items, size_t item_size, size_t *room)
{
    const size_t more = *room < 8 ? 8 : 2 * *room;
    void *grown = sl_take(run, more * item_size);
    if (*room > 0) {
        memcpy(grown, items, *room * item_size);
    }
    *room = more;
    return grown;
}

void *sl_kept_room(sl_machine *run, size_t size)
{
    return sl_take(run, size);
}

void *sl_kept_copy(sl_machine *run, const void *object, size_t size)
{
    return sl_copy(run, object, size);
}

static bool lay_out(sl_machine *machine, void *memory, size_t size)
{
    const size_t before = (size_t)(-(uintptr_t)memory & 7);
    if (memory == NULL || size < before + 8) {
        return false;
    }
    machine->memory = machine->used = (unsigned char *)memory + before;
    machine->end = machine->borrowed = machine->memory + ((size - before) & ~(size_t)7);
    return true;
}

/* Texts. A kept one has in front of it how many bytes it may have and how many are taken, so that it can grow in place. */

typedef struct sl_text_head {
    uint32_t room;
    uint32_t used;
} sl_text_head;

static sl_text new_text(sl_machine *run, size_t room)
{
    sl_text_head *head = sl_take(run, sizeof *head + room);
    head->room = (uint32_t)room;
    head->used = 0;
    if (room > run->longest) {
        run->longest = room;
    }
    return (sl_text){(const char *)(head + 1), 0, SL_KEPT};
}

static sl_text appended(sl_text text, sl_text more)
{
    sl_text_head *head = (sl_text_head *)(void *)((uintptr_t)text.data - sizeof *head);
    if (more.size > 0) {
        memcpy((char *)(head + 1) + text.size, more.data, more.size);
    }
    text.size += more.size;
    head->used = text.size;
    return text;
}

sl_text sl_keep(sl_machine *run, sl_text text)
{
    if (text.place != SL_YOURS || text.data == NULL) {
        return text;
    }
    return appended(new_text(run, text.size), text);
}

sl_text sl_concat(sl_machine *run, sl_text one, sl_text other)
{
    if (other.size == 0) {
        return one;
    }
    if (one.size == 0) {
        return other;
    }
    if (one.place == SL_KEPT) {
        const sl_text_head *head = (const sl_text_head *)(const void *)((uintptr_t)one.data - sizeof *head);
        if (head->used == one.size && head->room - one.size >= other.size) {
            return appended(one, other);
        }
    }
    const size_t size = (size_t)one.size + other.size;
    return appended(appended(new_text(run, 2 * size), one), other);
}

/** Returns the size of the character at this place; its code is put into `code`. Bytes that are no UTF-8 stand alone. */
static size_t character_at(const char *data, size_t size, uint32_t *code)
{
    const unsigned char *bytes = (const unsigned char *)data;
    const size_t length = bytes[0] < 0xC0 ? 1 : bytes[0] < 0xE0 ? 2 : bytes[0] < 0xF0 ? 3 : 4;
    if (length > size) {
        *code = 0xFFFD;
        return 1;
    }
    *code = length == 1 ? bytes[0] : bytes[0] & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        *code = *code << 6 | (bytes[i] & 0x3Fu);
    }
    return length;
}

static bool is_space(uint32_t code)
{
    for (const char *space = sl_spaces; *space != 0;) {
        uint32_t known;
        space += character_at(space, 4, &known);
        if (known == code) {
            return true;
        }
    }
    return false;
}

/** Returns the next word at or behind this place, and moves the place behind it; an empty text if there is none. */
static sl_text next_word(sl_text text, size_t *place)
{
    size_t begin = *place, end;
    uint32_t code;
    size_t length = 0;
    for (; begin < text.size; begin += length) {
        length = character_at(text.data + begin, text.size - begin, &code);
        if (!is_space(code)) {
            break;
        }
    }
    for (end = begin; end < text.size; end += length) {
        length = character_at(text.data + end, text.size - end, &code);
        if (is_space(code)) {
            break;
        }
    }
    *place = end;
    return (sl_text){text.data + begin, (uint32_t)(end - begin), text.place};
}

sl_texts sl_words(sl_machine *run, sl_text text)
{
    size_t count = 0, place = 0;
    while (next_word(text, &place).size > 0) {
        count++;
    }
    sl_texts words = {sl_borrow(run, count * sizeof(sl_text)), 0};
    for (place = 0; words.count < count; words.count++) {
        words.items[words.count] = next_word(text, &place);
    }
    return words;
}

sl_text sl_join(sl_machine *run, sl_texts texts, sl_text by)
{
    size_t size = 0;
    for (size_t i = 0; i < texts.count; i++) {
        size += texts.items[i].size + (i > 0 ? by.size : 0);
    }
    sl_text joined = new_text(run, size);
    for (size_t i = 0; i < texts.count; i++) {
        joined = appended(i > 0 ? appended(joined, by) : joined, texts.items[i]);
    }
    return joined;
}

/** Multiplies and divides numbers that are not below 0, exactly and without the rest: the product may have 128 bits. */
sl_whole sl_share(sl_whole count, sl_whole part, sl_whole whole)
{
    const uint64_t one = (uint64_t)count, other = (uint64_t)part, by = (uint64_t)whole;
    if (one == 0 || other <= UINT64_MAX / one) {
        return (sl_whole)(one * other / by);
    }
    const uint64_t low = (one & UINT32_MAX) * (other & UINT32_MAX);
    const uint64_t left = (one >> 32) * (other & UINT32_MAX) + (low >> 32);
    const uint64_t right = (one & UINT32_MAX) * (other >> 32) + (left & UINT32_MAX);
    uint64_t high = (one >> 32) * (other >> 32) + (left >> 32) + (right >> 32), rest = right << 32 | (low & UINT32_MAX);
    high %= by;
    for (int bit = 0; bit < 64; bit++) {
        high = high << 1 | rest >> 63;
        rest <<= 1;
        if (high >= by) {
            high -= by;
            rest |= 1;
        }
    }
    return (sl_whole)rest;
}

sl_text sl_text_from(const char *zero_terminated)
{
    return (sl_text){zero_terminated, (uint32_t)strlen(zero_terminated), SL_YOURS};
}

/* Ids */

static uint32_t hash_of(const char *text, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    }
    return hash;
}

static void place_id(sl_machine *machine, sl_id id)
{
    uint32_t place = machine->ids[id].hash;
    while (machine->id_places[place & (2 * machine->id_room - 1)] != 0) {
        place++;
    }
    machine->id_places[place & (2 * machine->id_room - 1)] = id + 1;
}

static void place_ids(sl_machine *machine)
{
    memset(machine->id_places, 0, 2 * machine->id_room * sizeof *machine->id_places);
    for (sl_id id = 0; id < machine->id_count; id++) {
        if (machine->ids[id].text.data != NULL) {
            place_id(machine, id);
        }
    }
}

sl_id sl_id_of(sl_machine *machine, const char *text, size_t size)
{
    const uint32_t hash = hash_of(text, size);
    const uint32_t mask = 2 * machine->id_room - 1;
    for (uint32_t place = hash, found; (found = machine->id_places[place & mask]) != 0; place++) {
        const sl_known_id *known = &machine->ids[found - 1];
        if (known->hash == hash && known->text.size == size && memcmp(known->text.data, text, size) == 0) {
            return found - 1;
        }
    }
    const size_t growth = machine->id_room * 2 * (sizeof *machine->ids + 2 * sizeof *machine->id_places);
    if (size > UINT32_MAX / 4 || !sl_make_room(machine, size + growth + 64)) {
        return SL_NO_ID;
    }
    sl_id id = machine->spare_id;
    if (id != SL_NO_ID) {
        machine->spare_id = machine->ids[id].next_spare;
    } else {
        id = machine->id_count;
        if (machine->id_count == machine->id_room) {
            size_t room = machine->id_room;
            machine->ids = sl_grown(machine, machine->ids, sizeof *machine->ids, &room);
            machine->id_room = (uint32_t)room;
            machine->id_places = sl_take(machine, 2 * room * sizeof *machine->id_places);
            place_ids(machine);
        }
        machine->id_count++;
    }
    const sl_text kept = sl_keep(machine, (sl_text){text, (uint32_t)size, SL_YOURS});
    machine->ids[id] = (sl_known_id){kept, hash, SL_NO_ID};
    place_id(machine, id);
    return id;
}

sl_text sl_text_of(const sl_machine *machine, sl_id id)
{
    return id < machine->id_count ? machine->ids[id].text : NO_TEXT;
}

static void begin_ids(sl_machine *machine)
{
    machine->id_room = 8;
    machine->id_count = 1;
    machine->spare_id = SL_NO_ID;
    machine->ids = sl_take(machine, machine->id_room * sizeof *machine->ids);
    machine->id_places = sl_take(machine, 2 * machine->id_room * sizeof *machine->id_places);
    machine->ids[0] = (sl_known_id){{"", 0, SL_STATIC}, hash_of("", 0), SL_NO_ID};
    place_ids(machine);
}

/* Maps. A small one is looked through; a larger one has places by the keys' numbers, each of an entry's index + 1. */

#define SMALL 8

static uint32_t first_place(sl_id key)
{
    return key * 2654435769u >> 7;
}

static uint32_t index_of(const sl_map *map, sl_id key)
{
    if (map->room <= SMALL) {
        for (uint32_t i = 0; i < map->used; i++) {
            if (map->entries[i].key == key) {
                return i;
            }
        }
        return UINT32_MAX;
    }
    const uint32_t mask = 2 * map->room - 1;
    for (uint32_t place = first_place(key), found; (found = map->places[place & mask]) != 0; place++) {
        if (map->entries[found - 1].key == key) {
            return found - 1;
        }
    }
    return UINT32_MAX;
}

const sl_entry *sl_find(const sl_map *map, sl_id key)
{
    const uint32_t index = key == SL_NO_ID ? UINT32_MAX : index_of(map, key);
    return index == UINT32_MAX ? NULL : &map->entries[index];
}

static void place_entry(sl_map *map, uint32_t index)
{
    const uint32_t mask = 2 * map->room - 1;
    uint32_t place = first_place(map->entries[index].key);
    while (map->places[place & mask] != 0) {
        place++;
    }
    map->places[place & mask] = index + 1;
}

/** Has room for one more entry: without those that were taken out there is some, or it becomes twice as large. */
static void make_entry_room(sl_machine *run, sl_map *map)
{
    const sl_entry *entries = map->entries;
    if (map->count >= map->room / 2) {
        map->room = map->room == 0 ? 4 : 2 * map->room;
        map->entries = sl_take(run, map->room * sizeof *map->entries);
        if (map->room > SMALL) {
            map->places = sl_take(run, 2 * map->room * sizeof *map->places);
        }
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < map->used; i++) {
        if (entries[i].key != SL_NO_ID) {
            map->entries[kept++] = entries[i];
        }
    }
    map->used = kept;
    if (map->room > SMALL) {
        memset(map->places, 0, 2 * map->room * sizeof *map->places);
        for (uint32_t i = 0; i < map->used; i++) {
            place_entry(map, i);
        }
    }
}

sl_entry *sl_put(sl_machine *run, sl_map *map, sl_id key)
{
    uint32_t index = index_of(map, key);
    if (index == UINT32_MAX) {
        if (map->used == map->room) {
            make_entry_room(run, map);
        }
        index = map->used++;
        map->count++;
        map->entries[index] = (sl_entry){key, 0, NULL};
        if (map->room > SMALL) {
            place_entry(map, index);
        }
    }
    return &map->entries[index];
}

void sl_clear(sl_map *map)
{
    map->count = map->used = 0;
    if (map->room > SMALL) {
        memset(map->places, 0, 2 * map->room * sizeof *map->places);
    }
}

void sl_remove(sl_map *map, sl_id key)
{
    const uint32_t index = key == SL_NO_ID ? UINT32_MAX : index_of(map, key);
    if (index == UINT32_MAX) {
        return;
    }
    if (map->count == 1) {
        sl_clear(map);
        return;
    }
    map->entries[index].key = SL_NO_ID;
    map->count--;
}

sl_entries sl_entries_of(sl_machine *run, const sl_map *map)
{
    sl_entries found = {NULL, 0};
    if (map->count == 0) {
        return found;
    }
    found.items = sl_borrow(run, map->count * sizeof *found.items);
    for (uint32_t i = 0; i < map->used; i++) {
        if (map->entries[i].key != SL_NO_ID) {
            found.items[found.count++] = map->entries[i];
        }
    }
    return found;
}

sl_ids sl_keys_of(sl_machine *run, const sl_map *map)
{
    const sl_entries entries = sl_entries_of(run, map);
    sl_ids keys = {sl_borrow(run, entries.count * sizeof(sl_id)), entries.count};
    for (size_t i = 0; i < entries.count; i++) {
        keys.items[i] = entries.items[i].key;
    }
    return keys;
}

/* Fields as data */

unsigned sl_enum_at(const void *place, size_t size)
{
    if (size == 1) {
        return *(const unsigned char *)place;
    }
    if (size == sizeof(unsigned short)) {
        unsigned short value;
        memcpy(&value, place, sizeof value);
        return value;
    }
    unsigned value;
    memcpy(&value, place, sizeof value);
    return value;
}

void sl_set_enum_at(void *place, size_t size, unsigned value)
{
    if (size == 1) {
        *(unsigned char *)place = (unsigned char)value;
    } else if (size == sizeof(unsigned short)) {
        const unsigned short given = (unsigned short)value;
        memcpy(place, &given, sizeof given);
    } else {
        memcpy(place, &value, sizeof value);
    }
}

/** Returns the pointer at a place, whatever it points to. */
static void *pointer_at(const void *place)
{
    void *pointer;
    memcpy(&pointer, place, sizeof pointer);
    return pointer;
}

/* Moving: what is reachable from the snapshot is taken along, and nothing else. */

/** Counts the bytes of a thing that is kept, as sl_take does. */
static size_t rounded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static size_t entries_size(uint32_t room)
{
    return room * sizeof(sl_entry) + (room > SMALL ? 2 * room * sizeof(uint32_t) : 0);
}

static uint32_t room_for(uint32_t count)
{
    uint32_t room = 4;
    while (room < count) {
        room *= 2;
    }
    return room;
}

static size_t text_size(const sl_text *text)
{
    return text->data == NULL || text->place == SL_STATIC ? 0 : rounded(sizeof(sl_text_head) + text->size);
}

/** Returns what the things need that a struct points to; with a machine to move to, moves them. */
static size_t parts_of(sl_machine *to, const sl_layout *layout, void *object);

static size_t whole_of(sl_machine *to, const sl_layout *layout, void **object)
{
    if (*object == NULL) {
        return 0;
    }
    if (to != NULL) {
        *object = sl_copy(to, *object, layout->size);
    }
    return rounded(layout->size) + parts_of(to, layout, *object);
}

static void move_text(sl_machine *to, sl_text *text)
{
    if (text->place != SL_STATIC) {
        text->place = SL_YOURS;
        *text = sl_keep(to, *text);
    }
}

static size_t map_of(sl_machine *to, const sl_field *field, sl_map *map)
{
    if (map->count == 0) {
        if (to != NULL) {
            *map = (sl_map){NULL, NULL, 0, 0, 0};
        }
        return 0;
    }
    size_t size = entries_size(room_for(map->count));
    sl_map moved = {NULL, NULL, 0, 0, room_for(map->count)};
    if (to != NULL) {
        moved.entries = sl_take(to, moved.room * sizeof *moved.entries);
        if (moved.room > SMALL) {
            moved.places = sl_take(to, 2 * moved.room * sizeof *moved.places);
            memset(moved.places, 0, 2 * moved.room * sizeof *moved.places);
        }
    }
    for (uint32_t i = 0; i < map->used; i++) {
        sl_entry entry = map->entries[i];
        if (entry.key == SL_NO_ID) {
            continue;
        }
        if (field->kind == SL_IS_MAP_OF_STRUCTS) {
            size += whole_of(to, field->layout, &entry.object);
        }
        if (to != NULL) {
            *sl_put(to, &moved, entry.key) = entry;
        }
    }
    if (to != NULL) {
        *map = moved;
    }
    return size;
}

static size_t parts_of(sl_machine *to, const sl_layout *layout, void *object)
{
    size_t size = 0;
    for (const sl_field *field = layout->fields; field < layout->fields + layout->count; field++) {
        void *place = (char *)object + field->offset;
        switch (field->kind) {
        case SL_IS_TEXT:
            size += text_size(place);
            if (to != NULL) {
                move_text(to, place);
            }
            break;
        case SL_IS_PART:
            size += parts_of(to, field->layout, place);
            break;
        case SL_IS_STRUCT: {
            void *pointed = pointer_at(place);
            size += whole_of(to, field->layout, &pointed);
            memcpy(place, &pointed, sizeof pointed);
            break;
        }
        case SL_IS_IDS: {
            sl_ids *ids = place;
            size += rounded(ids->count * sizeof *ids->items);
            if (to != NULL && ids->count > 0) {
                ids->items = sl_copy(to, ids->items, ids->count * sizeof *ids->items);
            }
            break;
        }
        case SL_IS_MAP_OF_KEYS:
        case SL_IS_MAP_OF_IDS:
        case SL_IS_MAP_OF_ENUMS:
        case SL_IS_MAP_OF_STRUCTS:
            size += map_of(to, field, place);
            break;
        default:
            break;
        }
    }
    return size;
}

static const sl_layout *snapshot_layout(const sl_machine *machine)
{
    return machine->conversation != NULL ? &sl_layout_of_conversation : &sl_layout_of_speech;
}

static void *snapshot_of(const sl_machine *machine)
{
    return machine->conversation != NULL ? (void *)machine->conversation : (void *)machine->speech;
}

/** Returns what the lists have that grow with each step, and the ids. */
static size_t lists_size(const sl_machine *machine)
{
    size_t size = rounded(machine->effect_room * sizeof *machine->effects) +
                  rounded(machine->transition_room * sizeof *machine->transitions) +
                  rounded(machine->speech_room * sizeof *machine->raised_in_speech) +
                  rounded(machine->conversation_room * sizeof *machine->raised_in_conversation) +
                  rounded(machine->id_room * sizeof *machine->ids) +
                  rounded(2 * machine->id_room * sizeof *machine->id_places);
    for (sl_id id = 0; id < machine->id_count; id++) {
        size += text_size(&machine->ids[id].text);
    }
    return size;
}

static size_t live_size(const sl_machine *machine)
{
    const sl_layout *layout = snapshot_layout(machine);
    return lists_size(machine) + rounded(layout->size) + parts_of(NULL, layout, snapshot_of(machine)) + 16;
}

static size_t room_of_event(const sl_machine *machine, size_t texts)
{
    const sl_conversation *conversation = machine->conversation;
    const size_t messages = conversation != NULL ? conversation->by_message.count : machine->speech->messages.count;
    const size_t speeches = conversation != NULL ? conversation->speeches.count : 1;
    return ROOM_OF_EVENT + ROOM_OF_SPEECH * speeches + ROOM_OF_MESSAGE * messages +
           ROOM_OF_TEXT * (texts + machine->longest);
}

size_t sl_size_needed(const sl_machine *machine, size_t more)
{
    return live_size(machine) + room_of_event(machine, more) + more;
}

bool sl_move(sl_machine *machine, void *memory, size_t size)
{
    sl_machine to = *machine;
    if (!lay_out(&to, memory, size) || (size_t)(to.end - to.memory) < live_size(machine)) {
        return false;
    }
    to.effect_count = to.transition_count = to.speech_count = to.conversation_count = 0;
    to.longest = 0;
    to.effects = sl_take(&to, to.effect_room * sizeof *to.effects);
    to.transitions = sl_take(&to, to.transition_room * sizeof *to.transitions);
    to.raised_in_speech = sl_take(&to, to.speech_room * sizeof *to.raised_in_speech);
    to.raised_in_conversation = sl_take(&to, to.conversation_room * sizeof *to.raised_in_conversation);
    to.ids = sl_copy(&to, machine->ids, to.id_room * sizeof *to.ids);
    to.id_places = sl_copy(&to, machine->id_places, 2 * to.id_room * sizeof *to.id_places);
    for (sl_id id = 0; id < to.id_count; id++) {
        move_text(&to, &to.ids[id].text);
    }
    void *snapshot = snapshot_of(machine);
    (void)whole_of(&to, snapshot_layout(machine), &snapshot);
    if (to.conversation != NULL) {
        to.conversation = snapshot;
    } else {
        to.speech = snapshot;
    }
    to.reply = (sl_reply){SL_REPLY_HANDLED, SL_BECAUSE_NONE, SL_SOURCE_NONE, NULL, 0, NULL, 0};
    *machine = to;
    return true;
}

bool sl_make_room(sl_machine *machine, size_t size)
{
    if (room_left(machine) >= size) {
        return true;
    }
    if (machine->allocator == NULL) {
        return false;
    }
    const size_t more = SL_GROWTH * (live_size(machine) + size) + 16;
    unsigned char *before = machine->memory;
    void *memory = machine->allocator->take(more);
    if (memory == NULL) {
        return false;
    }
    if (!sl_move(machine, memory, more)) {
        machine->allocator->give_back(memory);
        return false;
    }
    machine->allocator->give_back(before);
    return true;
}

bool sl_let_grow(sl_machine *machine, const sl_allocator *allocator)
{
    const size_t size = 2 * sl_size_needed(machine, 0);
    void *memory = allocator->take(size);
    if (memory == NULL || !sl_move(machine, memory, size)) {
        return false;
    }
    machine->allocator = allocator;
    return true;
}

void sl_end(sl_machine *machine)
{
    if (machine->allocator != NULL) {
        machine->allocator->give_back(machine->memory);
    }
    memset(machine, 0, sizeof *machine);
}

static void mark(unsigned char *marks, sl_id id)
{
    if (id != SL_NO_ID) {
        marks[id / 8] |= (unsigned char)(1u << id % 8);
    }
}

static void mark_ids(unsigned char *marks, const sl_layout *layout, const void *object)
{
    for (const sl_field *field = layout->fields; field < layout->fields + layout->count; field++) {
        const void *place = (const char *)object + field->offset;
        if (field->kind == SL_IS_ID) {
            mark(marks, *(const sl_id *)place);
        } else if (field->kind == SL_IS_PART) {
            mark_ids(marks, field->layout, place);
        } else if (field->kind == SL_IS_STRUCT && pointer_at(place) != NULL) {
            mark_ids(marks, field->layout, pointer_at(place));
        } else if (field->kind == SL_IS_IDS) {
            const sl_ids *ids = place;
            for (size_t i = 0; i < ids->count; i++) {
                mark(marks, ids->items[i]);
            }
        } else if (field->kind >= SL_IS_MAP_OF_KEYS) {
            const sl_map *map = place;
            for (uint32_t i = 0; i < map->used; i++) {
                const sl_entry *entry = &map->entries[i];
                if (entry->key == SL_NO_ID) {
                    continue;
                }
                mark(marks, entry->key);
                if (field->kind == SL_IS_MAP_OF_IDS) {
                    mark(marks, entry->number);
                } else if (field->kind == SL_IS_MAP_OF_STRUCTS) {
                    mark_ids(marks, field->layout, entry->object);
                }
            }
        }
    }
}

void sl_forget_ids(sl_machine *machine)
{
    const size_t size = machine->id_count / 8 + 1;
    if (!sl_make_room(machine, rounded(size))) {
        return;
    }
    machine->borrowed = machine->end;
    unsigned char *marks = sl_borrow(machine, size);
    memset(marks, 0, size);
    mark(marks, SL_EMPTY_ID);
    mark_ids(marks, snapshot_layout(machine), snapshot_of(machine));
    for (sl_id id = 0; id < machine->id_count; id++) {
        sl_known_id *known = &machine->ids[id];
        if (known->text.data != NULL && (marks[id / 8] >> id % 8 & 1) == 0) {
            known->text = NO_TEXT;
            known->next_spare = machine->spare_id;
            machine->spare_id = id;
        }
    }
    place_ids(machine);
}

/* Beginning */

static bool begin(sl_machine *machine, void *memory, size_t size)
{
    memset(machine, 0, sizeof *machine);
    if (!lay_out(machine, memory, size) || room_left(machine) < 4096) {
        return false;
    }
    machine->effect_room = machine->transition_room = 16;
    machine->effects = sl_take(machine, machine->effect_room * sizeof *machine->effects);
    machine->transitions = sl_take(machine, machine->transition_room * sizeof *machine->transitions);
    begin_ids(machine);
    return true;
}

bool sl_begin_speech(sl_machine *machine, void *memory, size_t size, const sl_capabilities *capabilities,
                     const sl_policy *policy)
{
    if (!begin(machine, memory, size)) {
        return false;
    }
    machine->speech = sl_copy(machine, sl_layout_of_speech.initial, sizeof(sl_speech));
    if (capabilities != NULL) {
        machine->speech->capabilities = *capabilities;
    }
    if (policy != NULL) {
        machine->speech->policy = *policy;
    }
    return true;
}

bool sl_begin_conversation(sl_machine *machine, void *memory, size_t size, const sl_capabilities *capabilities,
                           const sl_conversation_policy *policy)
{
    if (!begin(machine, memory, size)) {
        return false;
    }
    machine->conversation = sl_copy(machine, sl_layout_of_conversation.initial, sizeof(sl_conversation));
    if (capabilities != NULL) {
        machine->conversation->capabilities = *capabilities;
    }
    if (policy != NULL) {
        machine->conversation->policy = *policy;
    }
    return true;
}

/* Who is asked */

static const sl_reply *refused(sl_machine *machine, sl_because because, sl_source blame)
{
    const sl_reply_kind kind = because == SL_BECAUSE_NONE ? SL_REPLY_FULL : SL_REPLY_REJECTED;
    machine->reply = (sl_reply){kind, because, blame, NULL, 0, NULL, 0};
    return &machine->reply;
}

static const sl_reply *answered(sl_machine *machine, const sl_answer *answer)
{
    const bool is_of_cell = answer->transition != SL_TRANSITION_COUNT;
    machine->reply = (sl_reply){answer->kind, answer->because, answer->blame, is_of_cell ? &answer->transition : NULL,
                                is_of_cell ? 1 : 0, NULL, 0};
    return &machine->reply;
}

static const sl_reply *refusal(sl_machine *machine, const sl_event *event, sl_because because)
{
    return refused(machine, because, sl_facts_of_events[event->type].source);
}

/** Has a message, or the speech, answer; the reason if there is no such message. */
static const sl_answer *ask(sl_machine *run, sl_speech *speech, const sl_event *event, sl_because *because)
{
    if (sl_facts_of_events[event->type].chart == SL_CHART_SPEECH) {
        return sl_ask_speech(run, speech, event);
    }
    sl_message *message = MAP_OBJECT(speech->messages, event->message_id, sl_message);
    if (message == NULL) {
        if (event->type != SL_EVENT_SESSION_MESSAGE_ADDED) {
            *because = SL_BECAUSE_UNKNOWN_MESSAGE;
            return &sl_no_cell;
        }
        message = sl_copy(run, sl_layout_of_message.initial, sizeof *message);
        message->message_id = event->message_id;
    }
    return sl_ask_message(run, speech, message, event);
}

/** Has a speech handle an event, and then what that has raised. */
static const sl_answer *speech_handles(sl_machine *run, sl_speech *speech, const sl_event *event, sl_because *because)
{
    const sl_answer *answer = ask(run, speech, event, because);
    for (size_t next = 0; next < run->speech_count; next++) {
        sl_speech_handles(run, speech, run->raised_in_speech[next]);
    }
    run->speech_count = 0;
    return answer;
}

/** Has a speech of the conversation handle an event, and notes what the conversation is told of it. */
static const sl_answer *have_handled(sl_machine *run, sl_speech *speech, const sl_event *event, sl_because *because)
{
    const sl_speech_state was = speech->state;
    const bool had_ended = speech->response_has_ended;
    size_t kept = run->effect_count;
    const sl_answer *answer = speech_handles(run, speech, event, because);
    /* The agent's state is that of the whole conversation, and announced by its chart. */
    for (size_t i = kept; i < run->effect_count; i++) {
        if (run->effects[i].type != SL_EFFECT_ANNOUNCE_AGENT_STATE) {
            if (i != kept) {
                run->effects[kept] = run->effects[i];
            }
            kept++;
        }
    }
    run->effect_count = kept;
    if (answer == NULL) {
        sl_note_notices(run, speech, was, had_ended);
    }
    return answer;
}

void sl_tell_speech(sl_machine *run, sl_conversation *conversation, sl_id speech_id, const sl_event *event)
{
    sl_because because = SL_BECAUSE_NONE;
    (void)have_handled(run, MAP_OBJECT(conversation->speeches, speech_id, sl_speech), event, &because);
}

/** Returns the name of the speech that an event is about; SL_NO_ID if none is found. */
static sl_id speech_named_by(const sl_conversation *conversation, const sl_event *event)
{
    const sl_event_facts *facts = &sl_facts_of_events[event->type];
    for (unsigned i = 0; i < facts->way_count; i++) {
        sl_id found = SL_NO_ID;
        switch (facts->ways[i]) {
        case SL_BY_MESSAGE_ID:
            found = MAP_ID(conversation->by_message, event->message_id);
            break;
        case SL_BY_RESPONSE_ID:
            found = MAP_ID(conversation->by_response, event->response_id);
            break;
        case SL_BY_SPEECH_ID:
            found = event->speech_id == SL_EMPTY_ID ? SL_NO_ID : event->speech_id;
            break;
        }
        if (found != SL_NO_ID) {
            return found;
        }
    }
    return SL_NO_ID;
}

/** Has the conversation, or a speech of it, answer; the reason if nobody does. */
static const sl_answer *conversation_handles(sl_machine *run, const sl_event *event, sl_because *because)
{
    sl_conversation *conversation = run->conversation;
    const sl_event_facts *facts = &sl_facts_of_events[event->type];
    const sl_id speech_id = speech_named_by(conversation, event);
    if (speech_id == SL_NO_ID) {
        const sl_answer *answer = sl_ask_conversation(run, conversation, event);
        if (answer == &sl_no_cell) {
            *because = sl_because_unknown[facts->ways[facts->way_count - 1]];
        }
        return answer;
    }
    sl_speech *speech = MAP_OBJECT(conversation->speeches, speech_id, sl_speech);
    if (speech == NULL) {
        *because = SL_BECAUSE_NO_SPEECH;
        return &sl_no_cell;
    }
    const sl_answer *answer = have_handled(run, speech, event, because);
    if (answer == NULL && event->type == SL_EVENT_SESSION_MESSAGE_ADDED) {
        MAP_PUT_NUMBER(run, conversation->by_message, event->message_id, speech_id);
    }
    return answer;
}

/** Takes what needs no event in all regions, and what was raised, until there is neither. */
static void settle(sl_machine *run)
{
    size_t next = 0;
    for (;;) {
        if (sl_take_eventless(run, run->conversation)) {
            continue;
        }
        if (next == run->conversation_count) {
            break;
        }
        const sl_raising raising = run->raised_in_conversation[next++];
        sl_conversation_handles(run, run->conversation, raising.raised, raising.speech_id);
    }
    run->conversation_count = 0;
}

const sl_reply *sl_send(sl_machine *machine, const sl_event *event)
{
    machine->effect_count = machine->transition_count = 0;
    machine->borrowed = machine->end;
    if ((unsigned)event->type >= SL_EVENT_COUNT) {
        return refused(machine, SL_BECAUSE_UNKNOWN_EVENT, SL_SOURCE_AGENT);
    }
    if (machine->conversation == NULL && sl_facts_of_events[event->type].chart == SL_CHART_CONVERSATION) {
        return refusal(machine, event, SL_BECAUSE_UNKNOWN_EVENT);
    }
    size_t texts = 0;
    if (!sl_is_well_formed(machine, event, &texts)) {
        return refusal(machine, event, SL_BECAUSE_MALFORMED_EVENT);
    }
    if (!sl_make_room(machine, room_of_event(machine, texts))) {
        return refused(machine, SL_BECAUSE_NONE, SL_SOURCE_NONE);
    }
    sl_because because = SL_BECAUSE_NONE;
    const sl_answer *answer = machine->conversation != NULL ? conversation_handles(machine, event, &because)
                                                            : speech_handles(machine, machine->speech, event, &because);
    if (answer == &sl_no_cell) {
        return refusal(machine, event, because);
    }
    if (answer != NULL) {
        return answered(machine, answer);
    }
    if (machine->conversation != NULL) {
        settle(machine);
    }
    machine->reply = (sl_reply){SL_REPLY_HANDLED, SL_BECAUSE_NONE, SL_SOURCE_NONE, machine->transitions,
                                machine->transition_count, machine->effects, machine->effect_count};
    return &machine->reply;
}
