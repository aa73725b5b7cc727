/*
 * Plays the workload with the C port, natively or as WebAssembly, as line-JSON on stdin and stdout, as ../node/play.mjs does.
 *
 * Each speech is built just before it is played: its machine begins in memory of its own, and is told the ids that its
 * events have. A batch is of several times the workload, since a clock costs more than a speech in WebAssembly.
 */
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_SPEECHES 4
#define MOST_EVENTS 64
#define BATCH 8

static unsigned char reading_memory[1 << 16];
static unsigned char memory[BATCH][MOST_SPEECHES][10304]; /* no power of two, which would crowd a cache */
static sl_machine reading, machines[BATCH][MOST_SPEECHES];
static sl_event events[MOST_SPEECHES][MOST_EVENTS];
static size_t event_counts[MOST_SPEECHES], speech_count;
static char workload[1 << 20], line[1 << 10]; /* the events have their texts in the workload */
static size_t effects_seen;

static double now(void)
{
    struct timespec time;
    (void)timespec_get(&time, TIME_UTC);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void build(sl_machine *machine, void *its_memory, size_t size)
{
    if (!sl_begin_speech(machine, its_memory, size, NULL, NULL)) {
        abort();
    }
    for (sl_id id = 1; id < reading.id_count; id++) {
        const sl_text text = sl_text_of(&reading, id);
        if (sl_id_of(machine, text.data, text.size) != id) {
            abort();
        }
    }
}

static void play(sl_machine *machine, size_t speech)
{
    for (size_t i = 0; i < event_counts[speech]; i++) {
        const sl_reply *reply = sl_send(machine, &events[speech][i]);
        if (reply->kind != SL_REPLY_HANDLED) {
            abort();
        }
        effects_seen += reply->effect_count;
    }
}

static void read_speeches(sl_json_values *values, const sl_json *speeches)
{
    for (const sl_json *speech = speeches + 1; speech < values->items + speeches->next;
         speech = values->items + speech->next) {
        size_t count = 0;
        for (const sl_json *event = speech + 1; event < values->items + speech->next; event = values->items + event->next) {
            const sl_json *type = sl_json_get(values, event, "type");
            sl_event *read = &events[speech_count][count++];
            for (unsigned i = 0; i < SL_EVENT_COUNT; i++) {
                if (sl_json_is(type, sl_event_names[i])) {
                    read->type = (sl_event_type)i;
                }
            }
            if (count > MOST_EVENTS || speech_count == MOST_SPEECHES ||
                !sl_json_to_event(&reading, values, event, read)) {
                abort();
            }
        }
        event_counts[speech_count++] = count;
    }
}

static void show_effects(sl_json_out *out)
{
    sl_json_put(out, "{\"effects\":[");
    for (size_t speech = 0; speech < speech_count; speech++) {
        sl_machine *machine = &machines[0][speech];
        const char *between = speech > 0 ? ",[" : "[";
        build(machine, memory[0][speech], sizeof memory[0][speech]);
        for (size_t i = 0; i < event_counts[speech]; i++) {
            const sl_reply *reply = sl_send(machine, &events[speech][i]);
            for (size_t j = 0; j < reply->effect_count; j++) {
                sl_json_put(out, between);
                sl_json_from_effect(out, machine, &reply->effects[j]);
                between = ",";
            }
        }
        sl_json_put(out, "]");
    }
    sl_json_put(out, "]}\n");
}

static void measure(sl_json_out *out, size_t repeat)
{
    double build_s = 0, play_s = 0;
    const size_t batches = (repeat + BATCH - 1) / BATCH;
    for (size_t batch = 0; batch < batches; batch++) {
        const double began = now();
        for (size_t i = 0; i < BATCH; i++) {
            for (size_t speech = 0; speech < speech_count; speech++) {
                build(&machines[i][speech], memory[i][speech], sizeof memory[i][speech]);
            }
        }
        const double ready = now();
        for (size_t i = 0; i < BATCH; i++) {
            for (size_t speech = 0; speech < speech_count; speech++) {
                play(&machines[i][speech], speech);
            }
        }
        play_s += now() - ready;
        build_s += ready - began;
    }
    char text[200];
    (void)snprintf(text, sizeof text, "{\"built\":%zu,\"build_s\":%.9f,\"play_s\":%.9f,\"effects_seen\":%zu}\n",
                   batches * BATCH * speech_count, build_s, play_s, effects_seen);
    sl_json_put(out, text);
}

int main(void)
{
    sl_json_values values = {NULL, 0, 0, NULL, 0, 0};
    sl_json_out out = {NULL, 0, 0};
    if (!sl_begin_speech(&reading, reading_memory, sizeof reading_memory, NULL, NULL)) {
        return 1;
    }
    char *told = workload;
    while (fgets(told, told == workload ? sizeof workload : sizeof line, stdin) != NULL) {
        out.size = 0;
        if (!sl_json_read(&values, told)) {
            return 1;
        }
        if (told == workload) {
            read_speeches(&values, sl_json_get(&values, values.items, "speeches"));
            show_effects(&out);
            told = line;
        } else {
            measure(&out, (size_t)sl_json_get(&values, values.items, "repeat")->whole);
        }
        if (fwrite(out.data, 1, out.size, stdout) != out.size || fflush(stdout) != 0) {
            return 1;
        }
    }
    sl_json_free(&values);
    free(out.data);
    return 0;
}
