/* What speech_lifecycle.c, machine.c and json.c know of each other. Not for you. */
#ifndef SPEECH_LIFECYCLE_INTERNAL_H
#define SPEECH_LIFECYCLE_INTERNAL_H

#include "speech_lifecycle.h"

/* Fields as data */

typedef enum sl_field_kind {
    SL_IS_TEXT,
    SL_IS_ID,
    SL_IS_WHOLE,
    SL_IS_NUMBER,
    SL_IS_PLAIN_NUMBER,
    SL_IS_FLAG,
    SL_IS_ENUM,
    SL_IS_PART,   /* a struct that stands there */
    SL_IS_STRUCT, /* a struct that is pointed to */
    SL_IS_IDS,
    SL_IS_ENUMS,
    SL_IS_STRUCTS,
    SL_IS_MAP_OF_KEYS,
    SL_IS_MAP_OF_IDS,
    SL_IS_MAP_OF_ENUMS,
    SL_IS_MAP_OF_STRUCTS
} sl_field_kind;

typedef struct sl_field {
    const char *name;
    size_t offset;
    sl_field_kind kind;
    bool is_optional;
    bool is_required;
    const char *const *texts; /* of an enumeration, _NONE among them */
    unsigned text_count;
    size_t enum_size;
    const struct sl_layout *layout; /* of a struct */
    sl_whole least, most;
} sl_field;

typedef struct sl_layout {
    const char *name;
    size_t size;
    const sl_field *fields;
    size_t count;
    const void *initial;
} sl_layout;

extern const sl_layout sl_layout_of_capabilities, sl_layout_of_policy, sl_layout_of_conversation_policy;
extern const sl_layout sl_layout_of_message_record, sl_layout_of_message, sl_layout_of_speech, sl_layout_of_conversation;
extern const sl_layout sl_event_layouts[], sl_effect_layouts[];

unsigned sl_enum_at(const void *place, size_t size);
void sl_set_enum_at(void *place, size_t size, unsigned value);

/* Events */

typedef enum sl_way { SL_BY_MESSAGE_ID, SL_BY_RESPONSE_ID, SL_BY_SPEECH_ID } sl_way;
typedef enum sl_chart { SL_CHART_CONVERSATION, SL_CHART_SPEECH, SL_CHART_MESSAGE } sl_chart;

typedef struct sl_event_facts {
    sl_source source;
    sl_chart chart;
    bool is_of_conversation;
    unsigned way_count;
    sl_way ways[3];
} sl_event_facts;

extern const sl_event_facts sl_facts_of_events[];
extern const sl_because sl_because_unknown[];

/** Whether the fields of an event are in their ranges, and how many bytes of text it has. */
bool sl_is_well_formed(const sl_machine *run, const sl_event *event, size_t *texts);

/* Charts */

typedef struct sl_answer {
    sl_reply_kind kind;
    sl_because because;
    sl_source blame;
    sl_transition transition;
} sl_answer;

typedef struct sl_raising {
    sl_raised raised;
    sl_id speech_id;
} sl_raising;

/** The answer if the chart has no cell for an event. */
extern const sl_answer sl_no_cell;

const sl_answer *sl_ask_message(sl_machine *run, sl_speech *speech, sl_message *message, const sl_event *event);
const sl_answer *sl_ask_speech(sl_machine *run, sl_speech *speech, const sl_event *event);
const sl_answer *sl_ask_conversation(sl_machine *run, sl_conversation *conversation, const sl_event *event);
void sl_speech_handles(sl_machine *run, sl_speech *speech, sl_raised raised);
void sl_conversation_handles(sl_machine *run, sl_conversation *conversation, sl_raised raised, sl_id speech_id);
bool sl_take_eventless(sl_machine *run, sl_conversation *conversation);
void sl_note_notices(sl_machine *run, sl_speech *speech, sl_speech_state was, bool had_ended);
void sl_tell_speech(sl_machine *run, sl_conversation *conversation, sl_id speech_id, const sl_event *event);

/* Memory, texts and maps */

typedef struct sl_texts {
    sl_text *items;
    size_t count;
} sl_texts;

typedef struct sl_entries {
    sl_entry *items;
    size_t count;
} sl_entries;

_Noreturn void sl_exhausted(void);
void *sl_grown(sl_machine *run, const void *items, size_t item_size, size_t *room);
bool sl_has(const sl_machine *run, const void *place);
sl_text sl_keep(sl_machine *run, sl_text text);
sl_text sl_concat(sl_machine *run, sl_text one, sl_text other);
sl_texts sl_words(sl_machine *run, sl_text text);
sl_text sl_join(sl_machine *run, sl_texts texts, sl_text by);
sl_whole sl_share(sl_whole count, sl_whole part, sl_whole whole);
sl_entry *sl_put(sl_machine *run, sl_map *map, sl_id key);
void sl_remove(sl_map *map, sl_id key);
void sl_clear(sl_map *map);
sl_entries sl_entries_of(sl_machine *run, const sl_map *map);
sl_ids sl_keys_of(sl_machine *run, const sl_map *map);
/** Has so much room, or moves if the machine may grow; false if there is none. */
bool sl_make_room(sl_machine *machine, size_t size);
void *sl_kept_room(sl_machine *run, size_t size);
void *sl_kept_copy(sl_machine *run, const void *object, size_t size);

extern const char sl_spaces[];

#endif
