/* The port as a process: JSON lines in and out, as docs/porting.md says. */
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_MEMORY (1 << 16)

static const sl_allocator from_malloc = {malloc, free};
static unsigned char first_memory[FIRST_MEMORY];

typedef struct port {
    sl_machine machine;
    sl_json_values values;
    sl_json_out out;
} port;

static void say_error(port *port_, const char *what, const char *name, size_t size)
{
    sl_json_put(&port_->out, "{\"error\":");
    sl_json_out message = {NULL, 0, 0};
    sl_json_put(&message, what);
    sl_json_put_text(&message, name, size);
    sl_json_put_text(&port_->out, message.data, message.size);
    sl_json_put(&port_->out, "}");
    free(message.data);
}

static void say_state(port *port_)
{
    sl_json_put(&port_->out, "\"state\":");
    sl_json_from_snapshot(&port_->out, &port_->machine);
    sl_json_put(&port_->out, "}");
}

/** Begins anew in the first memory, and lets the machine have more. */
static void begin(port *port_, bool is_conversation, const sl_capabilities *capabilities, const sl_policy *policy,
                  const sl_conversation_policy *conversation_policy)
{
    sl_machine *machine = &port_->machine;
    sl_end(machine);
    const bool has_begun =
        is_conversation
            ? sl_begin_conversation(machine, first_memory, sizeof first_memory, capabilities, conversation_policy)
            : sl_begin_speech(machine, first_memory, sizeof first_memory, capabilities, policy);
    if (!has_begun || !sl_let_grow(machine, &from_malloc)) {
        abort();
    }
}

/** Reads what a command has under a name over what is there; false, and an error is said, if it is wrong. */
static bool read_part(port *port_, const sl_json *command, const char *name, const sl_layout *layout, void *into)
{
    const sl_json *given = sl_json_get(&port_->values, command, name);
    const char *wrong =
        given == NULL ? NULL : sl_json_to_struct(&port_->machine, &port_->values, given, layout, into);
    if (wrong != NULL) {
        say_error(port_, "not as it should be: ", wrong, strlen(wrong));
    }
    return wrong == NULL;
}

static void do_begin(port *port_, const sl_json *command, bool is_conversation)
{
    sl_capabilities capabilities = sl_default_capabilities;
    sl_policy policy = sl_default_policy;
    sl_conversation_policy conversation_policy = sl_default_conversation_policy;
    if (!read_part(port_, command, "capabilities", &sl_layout_of_capabilities, &capabilities) ||
        !(is_conversation
              ? read_part(port_, command, "policy", &sl_layout_of_conversation_policy, &conversation_policy)
              : read_part(port_, command, "policy", &sl_layout_of_policy, &policy))) {
        return;
    }
    begin(port_, is_conversation, &capabilities, &policy, &conversation_policy);
    sl_json_put(&port_->out, "{");
    say_state(port_);
}

static void do_load(port *port_, const sl_json *command, bool is_conversation, size_t size)
{
    sl_machine *machine = &port_->machine;
    begin(port_, is_conversation, NULL, NULL, NULL);
    /* With as much no id and no map makes the machine move while it is read. */
    if (!sl_make_room(machine, FIRST_MEMORY + 64 * size)) {
        abort();
    }
    if (sl_json_get(&port_->values, command, "state") == NULL) {
        say_error(port_, "not there: ", "state", 5);
    } else if (is_conversation
                   ? read_part(port_, command, "state", &sl_layout_of_conversation, machine->conversation)
                   : read_part(port_, command, "state", &sl_layout_of_speech, machine->speech)) {
        sl_json_put(&port_->out, "{");
        say_state(port_);
    } else {
        begin(port_, is_conversation, NULL, NULL, NULL);
    }
}

static void say_reply(port *port_, const sl_reply *reply)
{
    static const char *const kinds[] = {"handled", "ignored", "rejected", "full"};
    sl_json_out *out = &port_->out;
    sl_json_put(out, "{\"reply\":\"");
    sl_json_put(out, kinds[reply->kind]);
    sl_json_put(out, "\",\"reason\":\"");
    sl_json_put(out, sl_because_texts[reply->because]);
    sl_json_put(out, "\",\"blame\":");
    if (reply->kind == SL_REPLY_REJECTED) {
        sl_json_put_text(out, sl_source_texts[reply->blame], strlen(sl_source_texts[reply->blame]));
    } else {
        sl_json_put(out, "null");
    }
    sl_json_put(out, ",\"transitions\":[");
    for (size_t i = 0; i < reply->transition_count; i++) {
        const char *name = sl_transition_names[reply->transitions[i]];
        sl_json_put(out, i > 0 ? "," : "");
        sl_json_put_text(out, name, strlen(name));
    }
    sl_json_put(out, "],\"effects\":[");
    for (size_t i = 0; i < reply->effect_count; i++) {
        sl_json_put(out, i > 0 ? "," : "");
        sl_json_from_effect(out, &port_->machine, &reply->effects[i]);
    }
    sl_json_put(out, "],");
    say_state(port_);
}

static void do_step(port *port_, const sl_json *command)
{
    const sl_json *data = sl_json_get(&port_->values, command, "event");
    const sl_json *type = sl_json_get(&port_->values, data, "type");
    sl_event event;
    event.type = SL_EVENT_COUNT;
    for (unsigned i = 0; i < SL_EVENT_COUNT; i++) {
        if (sl_json_is(type, sl_event_names[i])) {
            event.type = (sl_event_type)i;
        }
    }
    if (event.type == SL_EVENT_COUNT || sl_json_to_event(&port_->machine, &port_->values, data, &event)) {
        say_reply(port_, sl_send(&port_->machine, &event));
        return;
    }
    const sl_event_facts *facts = &sl_facts_of_events[event.type];
    const bool is_known = port_->machine.conversation != NULL || facts->chart != SL_CHART_CONVERSATION;
    const sl_because because = is_known ? SL_BECAUSE_MALFORMED_EVENT : SL_BECAUSE_UNKNOWN_EVENT;
    const sl_reply reply = {SL_REPLY_REJECTED, because, facts->source, NULL, 0, NULL, 0};
    say_reply(port_, &reply);
}

/** Answers one line; false if it says to stop. */
static bool answer(port *port_, char *line, size_t size)
{
    sl_json_out *out = &port_->out;
    out->size = 0;
    if (!sl_json_read(&port_->values, line)) {
        say_error(port_, "no JSON: ", "line", 4);
        return true;
    }
    const sl_json *command = port_->values.items;
    const sl_json *word = sl_json_get(&port_->values, command, "command");
    const bool is_conversation = sl_json_is(sl_json_get(&port_->values, command, "machine"), "conversation");
    if (sl_json_is(word, "stop")) {
        return false;
    }
    if (sl_json_is(word, "start")) {
        sl_json_put(out, "{\"spec_version\":\"" SL_SPEC_VERSION "\",\"behaviour_digest\":\"" SL_BEHAVIOUR_DIGEST
                         "\",\"implementation\":\"c\",\"language\":\"C\"}");
    } else if (sl_json_is(word, "begin")) {
        do_begin(port_, command, is_conversation);
    } else if (sl_json_is(word, "load")) {
        do_load(port_, command, is_conversation, size);
    } else if (sl_json_is(word, "step")) {
        do_step(port_, command);
    } else {
        const bool is_text = word != NULL && word->type == SL_JSON_TEXT;
        say_error(port_, "unknown command ", is_text ? word->text : "", is_text ? word->size : 0);
    }
    return true;
}

/** Reads a line, without its end; false if there is none. */
static bool read_line(char **line, size_t *room, size_t *size)
{
    *size = 0;
    for (;;) {
        if (*room - *size < 2) {
            *room = 2 * *room + 4096;
            char *more = realloc(*line, *room);
            if (more == NULL) {
                return false;
            }
            *line = more;
        }
        const size_t left = *room - *size;
        if (fgets(*line + *size, left > 1 << 20 ? 1 << 20 : (int)left, stdin) == NULL) {
            return *size > 0;
        }
        *size += strlen(*line + *size);
        if (*size > 0 && (*line)[*size - 1] == '\n') {
            (*line)[--*size] = 0;
            return true;
        }
    }
}

int main(void)
{
    port port_;
    memset(&port_, 0, sizeof port_);
    begin(&port_, false, NULL, NULL, NULL);
    char *line = NULL;
    size_t room = 0, size;
    while (read_line(&line, &room, &size)) {
        if (size == 0) {
            continue;
        }
        if (!answer(&port_, line, size)) {
            break;
        }
        sl_json_put(&port_.out, "\n");
        if (fwrite(port_.out.data, 1, port_.out.size, stdout) != port_.out.size || fflush(stdout) != 0) {
            return 1;
        }
    }
    sl_end(&port_.machine);
    sl_json_free(&port_.values);
    free(port_.out.data);
    free(line);
    return 0;
}
