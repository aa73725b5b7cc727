#ifndef SPEECH_LIFECYCLE_H
#define SPEECH_LIFECYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Values */

/** A whole number of 0 to 2^53 - 1, or SL_NO_WHOLE for null. */
typedef int64_t sl_whole;
#define SL_NO_WHOLE INT64_MIN
#define SL_LARGEST_WHOLE INT64_C(9007199254740991)

/** Any number, NaN and the infinities among them, or null if it is not known. */
typedef struct sl_number {
    bool is_known;
    double value;
} sl_number;

/** What names something, as the machine's number for it (sl_id_of). SL_NO_ID is null, SL_EMPTY_ID is "". */
typedef uint32_t sl_id;
#define SL_EMPTY_ID ((sl_id)0)
#define SL_NO_ID UINT32_MAX

/** Where the data of a text are. */
enum { SL_YOURS, SL_STATIC, SL_KEPT };

/** Text in UTF-8, which need not end with a zero; null if it has no data. */
typedef struct sl_text {
    const char *data;
    uint32_t size;
    uint32_t place; /* SL_YOURS, in what you give to the machine */
} sl_text;

/** Several ids, in order. */
typedef struct sl_ids {
    sl_id *items;
    size_t count;
} sl_ids;

/** An entry of a map. One that was taken out has SL_NO_ID for a key. */
typedef struct sl_entry {
    sl_id key;
    uint32_t number; /* if it is an id or of an enumeration */
    void *object;    /* if it is a struct */
} sl_entry;

/** A map from ids, in the order in which they were put in: the first `used` entries. */
typedef struct sl_map {
    sl_entry *entries;
    uint32_t *places;
    uint32_t count;
    uint32_t used;
    uint32_t room;
} sl_map;

