/* Events, effects and snapshots as JSON, by the fields that speech_lifecycle.c has as data. The core does not need it. */
#ifndef SPEECH_LIFECYCLE_JSON_H
#define SPEECH_LIFECYCLE_JSON_H

#include "internal.h"

typedef enum sl_json_type {
    SL_JSON_NULL,
    SL_JSON_FALSE,
    SL_JSON_TRUE,
    SL_JSON_NUMBER,
    SL_JSON_TEXT,
    SL_JSON_LIST,
    SL_JSON_OBJECT
} sl_json_type;

/** One value. What is in a list, or the names and values of an object, stand behind it. */
typedef struct sl_json {
    sl_json_type type;
    size_t next; /* the place of the value behind it, and behind all that it has */
    const char *text;
    size_t size;
    double number;
    bool is_whole;
    int64_t whole;
} sl_json;

/** The values of one text. Zeros are none; one can be used for text after text. */
typedef struct sl_json_values {
    sl_json *items;
    size_t count, room;
    void *lists; /* what lists of enumerations have */
    size_t lists_used, lists_room;
} sl_json_values;

/** Reads a text, which must end with a zero and is written into; its first value is the whole. False: it is no JSON. */
bool sl_json_read(sl_json_values *values, char *text);

/** Returns the value under a name of an object, or NULL. */
const sl_json *sl_json_get(const sl_json_values *values, const sl_json *object, const char *name);

bool sl_json_is(const sl_json *value, const char *text);

void sl_json_free(sl_json_values *values);

/** Text that grows. Zeros are an empty one. */
typedef struct sl_json_out {
    char *data;
    size_t size, room;
} sl_json_out;

void sl_json_put(sl_json_out *out, const char *text);
void sl_json_put_text(sl_json_out *out, const char *data, size_t size);

/** Reads the fields of a struct over those that it has. NULL, or the name of the field that is wrong. */
const char *sl_json_to_struct(sl_machine *machine, sl_json_values *values, const sl_json *object,
                              const sl_layout *layout, void *into);

/** Reads an event; false if a field of it is missing, unknown or of another type. */
bool sl_json_to_event(sl_machine *machine, sl_json_values *values, const sl_json *object, sl_event *event);

void sl_json_from_struct(sl_json_out *out, const sl_machine *machine, const sl_layout *layout, const void *object);
void sl_json_from_effect(sl_json_out *out, const sl_machine *machine, const sl_effect *effect);
void sl_json_from_snapshot(sl_json_out *out, const sl_machine *machine);

#endif
