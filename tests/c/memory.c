/*
 * A long conversation in two pieces of memory, without malloc: full is said before anything has changed, a move takes along what is
 * alive, ids stay, and what is forgotten takes no more room.
 */
#include "json.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char pieces[2][40000];
static sl_machine machine;
static unsigned piece, moves;
static sl_json_out before, after;

static void show(sl_json_out *out)
{
    out->size = 0;
    sl_json_from_snapshot(out, &machine);
}

static void move(size_t more)
{
    const size_t size = sl_size_needed(&machine, more);
    piece = 1 - piece;
    moves++;
    if (size > sizeof pieces[piece]) {
        (void)fprintf(stderr, "it needs %zu bytes\n", size);
        exit(1);
    }
    show(&before);
    assert(!sl_move(&machine, pieces[piece], 1000));
    assert(sl_move(&machine, pieces[piece], size));
    show(&after);
    assert(strcmp(before.data, after.data) == 0);
}

static sl_id id_of(const char *letter, unsigned number)
{
    char name[40];
    const int size = snprintf(name, sizeof name, "%s%u", letter, number);
    sl_id id = sl_id_of(&machine, name, (size_t)size);
    while (id == SL_NO_ID) {
        move(4000);
        id = sl_id_of(&machine, name, (size_t)size);
    }
    const sl_text text = sl_text_of(&machine, id);
    assert(text.size == (uint32_t)size && memcmp(text.data, name, (size_t)size) == 0);
    return id;
}

static const sl_reply *send(sl_event event)
{
    const sl_reply *reply = sl_send(&machine, &event);
    for (unsigned tries = 0; reply->kind == SL_REPLY_FULL; tries++) {
        assert(tries == 0 && reply->effect_count == 0 && reply->transition_count == 0);
        move(event.text.size);
        reply = sl_send(&machine, &event);
    }
    assert(reply->kind == SL_REPLY_HANDLED);
    return reply;
}

int main(void)
{
    sl_conversation_policy policy = sl_default_conversation_policy;
    policy.speeches_kept = 2;
    assert(!sl_begin_conversation(&machine, pieces[0], 100, NULL, &policy));
    assert(sl_begin_conversation(&machine, pieces[0], 12000, NULL, &policy));
    size_t effects = 0;
    for (unsigned number = 0; number < 300; number++) {
        const sl_id speech = id_of("speech", number), response = id_of("response", number);
        const sl_id first = id_of("first", number), second = id_of("second", number);
        effects += send(sl_event_request_response(speech))->effect_count;
        sl_event event = sl_event_session_response_created(response);
        event.speech_id = speech;
        effects += send(event)->effect_count;
        effects += send(sl_event_session_message_added(response, first))->effect_count;
        effects += send(sl_event_session_message_added(response, second))->effect_count;
        for (unsigned word = 0; word < 20; word++) {
            effects += send(sl_event_session_text_received(first, sl_text_from("a word ")))->effect_count;
        }
        effects += send(sl_event_session_audio_received(first, 600))->effect_count;
        effects += send(sl_event_output_audio_handed_over(first, 600))->effect_count;
        effects += send(sl_event_session_response_ended(response))->effect_count;
        sl_number position = {true, 600};
        effects += send(sl_event_output_playback_finished(first, position))->effect_count;
        if (number % 10 == 9) {
            sl_forget_ids(&machine);
        }
    }
    printf("%u moves, %zu effects, %u ids, %u speeches, %zu bytes needed\n", moves, effects, machine.id_count,
           machine.conversation->speeches.count, sl_size_needed(&machine, 0));
    free(before.data);
    free(after.data);
    return 0;
}
