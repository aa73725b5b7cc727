/* The machine */

/** What became of an event. */
typedef enum sl_reply_kind {
    SL_REPLY_HANDLED,
    SL_REPLY_IGNORED,  /* it is a race, and nobody's fault: nothing has changed */
    SL_REPLY_REJECTED, /* it should not have been sent: nothing has changed */
    SL_REPLY_FULL      /* the memory is used up: nothing has changed, and after sl_move it can be sent again */
} sl_reply_kind;

/** What the machine answers to an event. It holds until the machine is called again. */
typedef struct sl_reply {
    sl_reply_kind kind;
    sl_because because;               /* why it is not handled */
    sl_source blame;                  /* who should not have sent what is rejected */
    const sl_transition *transitions; /* those taken, in order; of what is not handled the one that answers, if any */
    size_t transition_count;
    const sl_effect *effects;         /* what the driver has to perform, in this order */
    size_t effect_count;
} sl_reply;

/** Where a machine that may grow gets its memory. `take` returns NULL if there is none. */
typedef struct sl_allocator {
    void *(*take)(size_t size);
    void (*give_back)(void *memory);
} sl_allocator;

/** One speech, or one conversation with its speeches. Its fields are for the functions below. */
typedef struct sl_machine {
    sl_speech *speech;             /* the snapshot of a speech by itself */
    sl_conversation *conversation; /* the snapshot of a conversation, or NULL */
    unsigned char *memory, *used, *borrowed, *end;
    const sl_allocator *allocator;
    size_t longest;
    struct sl_known_id *ids;
    uint32_t *id_places;
    uint32_t id_count, id_room, spare_id;
    sl_effect *effects;
    size_t effect_count, effect_room;
    sl_transition *transitions;
    size_t transition_count, transition_room;
    sl_raised *raised_in_speech;
    struct sl_raising *raised_in_conversation;
    size_t speech_count, speech_room, conversation_count, conversation_room;
    sl_reply reply;
} sl_machine;

/** Begins a speech in memory of yours, which stays yours. NULL stands for defaults. False: there is too little of it. */
bool sl_begin_speech(sl_machine *machine, void *memory, size_t size, const sl_capabilities *capabilities,
                     const sl_policy *policy);

/** Begins a conversation in memory of yours, which stays yours. */
bool sl_begin_conversation(sl_machine *machine, void *memory, size_t size, const sl_capabilities *capabilities,
                           const sl_conversation_policy *policy);

/** Has the machine move by itself whenever its memory is used up. From now on its memory is the allocator's. */
bool sl_let_grow(sl_machine *machine, const sl_allocator *allocator);

/** Gives memory back to the allocator. */
void sl_end(sl_machine *machine);

/**
 * Handles an event. Texts in it are copied, and have to be no texts of the machine's own.
 *
 * An event whose fields are not in their ranges is rejected, SL_BECAUSE_MALFORMED_EVENT, as is every id that
 * sl_id_of has not given.
 */
const sl_reply *sl_send(sl_machine *machine, const sl_event *event);

/**
 * Moves all that the machine knows into other memory, without what it has dropped since. Ids stay as they are.
 *
 * False, and nothing is moved, if that is too small; with as much as the machine had before it never is.
 */
bool sl_move(sl_machine *machine, void *memory, size_t size);

/** Returns how much memory a move has to have, and some room for `more` bytes. */
size_t sl_size_needed(const sl_machine *machine, size_t more);

/**
 * Forgets the ids that the snapshot does not have: their numbers may be given to others. Of those that you hold,
 * only such are good afterwards as the snapshot has.
 */
void sl_forget_ids(sl_machine *machine);

/** Returns the id of a text, the same for the same text; SL_NO_ID if the memory is used up. */
sl_id sl_id_of(sl_machine *machine, const char *text, size_t size);

/** Returns the text of an id. It holds until the machine is called again. */
sl_text sl_text_of(const sl_machine *machine, sl_id id);

/** Returns text of yours for an event. It ends with a zero. */
sl_text sl_text_from(const char *zero_terminated);

/** Returns an entry of a map of the snapshot, or NULL. */
const sl_entry *sl_find(const sl_map *map, sl_id key);

#ifdef __cplusplus
}
#endif
#endif
