/*
 * The layer below speech_lifecycle.c: how fields are read and set, and what texts, lists, maps and effects are.
 *
 * The generated text says GET, SET, EMIT and so on, and nothing of how that is done. Another header of this name may do it
 * otherwise.
 */
#ifndef SPEECH_LIFECYCLE_LAYER_H
#define SPEECH_LIFECYCLE_LAYER_H

#include <assert.h>
#include <math.h>
#include <string.h>

#include "internal.h"

/* Fields. The first name is that of the struct. PART is a struct within a struct. */

#define GET(Struct, object, field) ((object)->field)
#define PART(Struct, object, field) (&(object)->field)
#define SET(Struct, object, field, value) ((object)->field = (value))
#define EVENT(event, field) ((event)->field)
#define ASSERT(condition) assert(condition)

/* Texts */

#define TEXT(data, size) ((sl_text){data, size, SL_STATIC})
#define NO_TEXT ((sl_text){NULL, 0, SL_STATIC})
#define IS_TEXT(text) ((text).data != NULL)
#define IS_EMPTY(text) sl_is_empty(text)
#define TEXTS_EQUAL(one, other) sl_texts_equal(one, other)
#define TEXT_OR(one, other) sl_text_or(one, other)
#define TEXT_OF_ENUM(name, value) sl_text_of_enum(sl_##name##_texts[value])
#define TEXT_OF_ID(run, id) sl_text_of(run, id)
#define KEEP_TEXT(run, text) sl_keep(run, text)
#define CONCAT(run, one, other) sl_concat(run, one, other)
#define WORDS(run, text) sl_words(run, text)
#define JOIN(run, texts, by) sl_join(run, texts, by)

static inline bool sl_is_empty(sl_text text)
{
    return text.data != NULL && text.size == 0;
}

static inline bool sl_texts_equal(sl_text one, sl_text other)
{
    if (one.data == other.data) {
        return one.size == other.size;
    }
    return one.data != NULL && other.data != NULL && one.size == other.size && memcmp(one.data, other.data, one.size) == 0;
}

static inline sl_text sl_text_or(sl_text one, sl_text other)
{
    return one.size == 0 ? other : one;
}

static inline sl_text sl_text_of_enum(const char *text)
{
    return (sl_text){text, (uint32_t)strlen(text), SL_STATIC};
}

/* Ids and numbers */

#define ID_OR(one, other) sl_id_or(one, other)
#define WHOLE_OR(one, other) sl_whole_or(one, other)
#define LEAST(one, other) sl_least(one, other)
#define PRODUCT(one, other) sl_product(one, other)
#define SHARE(count, part, whole) sl_share(count, part, whole)
#define WHOLE(number) ((sl_whole)(number))
#define KNOWN(number) ((sl_number){true, number})
#define NO_NUMBER ((sl_number){false, 0})
#define IS_NUMBER(number) ((number).is_known)
#define IS_WITHIN(value, least, most) ((value) >= (least) && (value) <= (most))
#define IS_ID(run, id) ((id) < (run)->id_count)
#define IS_ID_OR_NONE(run, id) ((id) == SL_NO_ID || IS_ID(run, id))

static inline sl_id sl_id_or(sl_id one, sl_id other)
{
    return one == SL_EMPTY_ID || one == SL_NO_ID ? other : one;
}

static inline sl_whole sl_whole_or(sl_whole one, sl_whole other)
{
    return one == 0 || one == SL_NO_WHOLE ? other : one;
}

static inline sl_whole sl_least(sl_whole one, sl_whole other)
{
    return other < one ? other : one;
}

/** Multiplies two numbers that are not below 0; what is too large for the type is its largest number. */
static inline sl_whole sl_product(sl_whole one, sl_whole other)
{
    return other != 0 && one > INT64_MAX / other ? INT64_MAX : one * other;
}

/* Lists */

#define NONE(List) ((List){NULL, 0})
#define LIST(List, Item, size, ...) ((List){(Item[]){__VA_ARGS__}, size})
#define LIST_SIZE(list) ((sl_whole)(list).count)
#define IDS_HAVE(list, id) sl_ids_have(list, id)
#define FIRST(List, list, most) ((List){(list).items, sl_first((list).count, most)})
#define ROOM(run, List, Item, size) ((List){(Item *)sl_borrow(run, (size) * sizeof(Item)), 0})
#define CHAIN(run, List, one, other) sl_chain_##List(run, one, other)
#define KEEP_LIST(run, List, list) sl_keep_##List(run, list)

static inline bool sl_ids_have(sl_ids list, sl_id id)
{
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i] == id) {
            return true;
        }
    }
    return false;
}

static inline size_t sl_first(size_t count, sl_whole most)
{
    return most <= 0 ? 0 : (uint64_t)most < count ? (size_t)most : count;
}

/* Memory: what is taken stays until a move; what is borrowed, until the next event. */

static inline void *sl_take(sl_machine *run, size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if ((size_t)(run->borrowed - run->used) < size) {
        sl_exhausted();
    }
    unsigned char *taken = run->used;
    run->used += size;
    return taken;
}

static inline void *sl_borrow(sl_machine *run, size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if ((size_t)(run->borrowed - run->used) < size) {
        sl_exhausted();
    }
    run->borrowed -= size;
    return run->borrowed;
}

static inline void *sl_copy(sl_machine *run, const void *object, size_t size)
{
    return memcpy(sl_take(run, size), object, size);
}

/** Has room for one more in a list that grows. */
#define sl_one_more(run, items, count, room) \
    ((count) < (room) ? (void)0 : (void)((items) = sl_grown(run, items, sizeof *(items), &(room))))

#define SL_KEEPING(List) \
    static inline List sl_keep_##List(sl_machine *run, List list) \
    { \
        if (list.count == 0) { \
            return (List){NULL, 0}; \
        } \
        if (sl_has(run, list.items)) { \
            return list; \
        } \
        return (List){sl_copy(run, list.items, list.count * sizeof *list.items), list.count}; \
    }

#define SL_CHAINING(List) \
    static inline List sl_chain_##List(sl_machine *run, List one, List other) \
    { \
        const size_t first = one.count * sizeof *one.items, second = other.count * sizeof *one.items; \
        if (first == 0 || second == 0) { \
            return first == 0 ? sl_keep_##List(run, other) : one; \
        } \
        char *chained = sl_take(run, first + second); \
        memcpy(chained, one.items, first); \
        memcpy(chained + first, other.items, second); \
        return (List){(void *)chained, one.count + other.count}; \
    }

/* Maps */

#define MAP_SIZE(map) ((sl_whole)(map).count)
#define MAP_HAS(map, key) (sl_find(&(map), key) != NULL)
#define MAP_OBJECT(map, key, Struct) ((Struct *)sl_object_of(sl_find(&(map), key)))
#define MAP_ID(map, key) ((sl_id)sl_number_of(sl_find(&(map), key), SL_NO_ID))
#define MAP_ENUM(map, key, Enum) ((Enum)sl_number_of(sl_find(&(map), key), 0))
#define MAP_PUT_OBJECT(run, map, key, value) (sl_put(run, &(map), key)->object = (value))
#define MAP_PUT_NUMBER(run, map, key, value) (sl_put(run, &(map), key)->number = (uint32_t)(value))
#define MAP_PUT_KEY(run, map, key) ((void)sl_put(run, &(map), key))
#define MAP_REMOVE(map, key) sl_remove(&(map), key)
#define MAP_CLEAR(map) sl_clear(&(map))
#define MAP_ENTRIES(run, map) sl_entries_of(run, &(map))
#define MAP_KEYS(run, map) sl_keys_of(run, &(map))

static inline void *sl_object_of(const sl_entry *entry)
{
    return entry == NULL ? NULL : entry->object;
}

static inline uint32_t sl_number_of(const sl_entry *entry, uint32_t otherwise)
{
    return entry == NULL ? otherwise : entry->number;
}

/* Structs of the snapshot, effects and events */

#define NEW(run, Struct, ...) ((Struct *)sl_copy(run, &(Struct){__VA_ARGS__}, sizeof(Struct)))
#define COPY(run, Struct, object) ((Struct *)sl_copy(run, object, sizeof(Struct)))
#define NEW_PART(Struct, ...) (&(Struct){__VA_ARGS__})
#define NEW_EVENT(...) (&(sl_event){__VA_ARGS__})
#define EMIT(run, name, Type, ...) (*sl_next_effect(run) = (sl_effect){.type = Type, .as.name = {__VA_ARGS__}})
#define EMIT_BARE(run, Type) (sl_next_effect(run)->type = Type)
#define IS_EVENT(event, Type) sl_is_event(event, Type)
#define RAISE_IN_SPEECH(run, what) sl_raise_in_speech(run, what)
#define RAISE_IN_CONVERSATION(run, what) sl_raise_notice(run, what, SL_NO_ID)
#define TELL_SPEECH(run, conversation, speech_id, event) sl_tell_speech(run, conversation, speech_id, event)
#define TOOK(run, transition) sl_took(run, transition)
#define ANSWER(kind, because, blame, transition) \
    do { \
        static const sl_answer answer = {kind, because, blame, transition}; \
        return &answer; \
    } while (0)

typedef void (*sl_taking)(sl_machine *run, sl_conversation *conversation);

static inline sl_effect *sl_next_effect(sl_machine *run)
{
    sl_one_more(run, run->effects, run->effect_count, run->effect_room);
    return &run->effects[run->effect_count++];
}

static inline void sl_took(sl_machine *run, sl_transition transition)
{
    sl_one_more(run, run->transitions, run->transition_count, run->transition_room);
    run->transitions[run->transition_count++] = transition;
}

static inline void sl_raise_in_speech(sl_machine *run, sl_raised raised)
{
    sl_one_more(run, run->raised_in_speech, run->speech_count, run->speech_room);
    run->raised_in_speech[run->speech_count++] = raised;
}

static inline void sl_raise_notice(sl_machine *run, sl_raised raised, sl_id speech_id)
{
    sl_one_more(run, run->raised_in_conversation, run->conversation_count, run->conversation_room);
    run->raised_in_conversation[run->conversation_count++] = (sl_raising){raised, speech_id};
}

static inline bool sl_is_event(const sl_event *event, sl_event_type type)
{
    return event != NULL && event->type == type;
}

#endif
