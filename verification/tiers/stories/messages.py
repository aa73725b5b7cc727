"""Several messages in one response (M)."""

from __future__ import annotations

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.values import Capabilities

from .story import CANCELLED, MS, Story, cut, interrupted, kept, played, queued, removed, speaking, waiting

ENDED_EMPTY = (
    ev.Authorize(),
    ev.SessionResponseCreated("r"),
    ev.SessionMessageAdded("r", "A"),
    ev.SessionMessageEnded("A"),
)
"""A message says that it has ended before anything of it has come."""

STORIES = (
    Story(
        "M1",
        "two_messages",
        "Only the first message of an answer is heard; the second is dropped.",
        (*waiting("A", "B", ended=True), *played("A"), *played("B")),
    ),
    Story(
        "M2",
        "interrupted_before_the_second",
        "The model believes that it has said what nobody heard, and builds on it.",
        (*interrupted("A", "B"), cut("A", 400), CANCELLED, kept("A"), *removed("B")),
    ),
    Story(
        "M3",
        "skipped_message",
        "History lists as said what was never played.",
        (*interrupted("A", "B"), cut("A", 400), ev.SessionTextReceived("B", "and more"), CANCELLED),
    ),
    Story(
        "M4",
        "a_function_call_between",
        "A message is thought to grow for ever behind a function call, and the next one never plays.",
        (
            *waiting("A"),
            ev.OutputAudioHandedOver("A", MS),
            ev.OutputPlaybackStarted("A"),
            ev.SessionItemAdded("r"),
            ev.OutputPlaybackFinished("A", MS),
            ev.SessionResponseEnded("r"),
        ),
    ),
    Story(
        "M5",
        "the_second_begins",
        "The end of the first message is reported after the second has begun, and the turn is split there.",
        (
            *waiting("A"),
            ev.OutputAudioHandedOver("A", MS),
            ev.SessionMessageAdded("r", "B"),
            ev.SessionMessageEnded("A"),
            ev.OutputPlaybackFinished("A", MS),
        ),
    ),
    Story(
        "M5",
        "the_second_begins_before_the_first_has_the_floor",
        "The first message is never flushed, because its end came before its turn.",
        (
            *queued("A"),
            ev.SessionMessageAdded("r", "B"),
            ev.SessionAudioReceived("B", MS),
            ev.Authorize(),
            *played("A"),
            ev.SessionResponseEnded("r"),
            *played("B"),
        ),
    ),
    Story(
        "M6",
        "truncates_what_is_heard",
        "The wrong message is truncated: the model loses a sentence that the user answers.",
        (*interrupted("A", "B"), cut("A", 400)),
    ),
    Story(
        "M7",
        "each_has_a_record",
        "Messages behind the first are neither settled nor removed.",
        (*interrupted("A", "B", "C", "D"), cut("A", 400), CANCELLED, kept("A"), *removed("B", "C", "D")),
    ),
    Story(
        "M7",
        "without_a_session",
        "After a lost connection some messages never get a record, and whoever waits for them waits for ever.",
        (*speaking("A", "B", "C", ended=True), ev.SessionLost(), cut("A", 400)),
    ),
    Story(
        "M8",
        "interrupted_while_queued",
        "An answer that was called off before it began stays in the memory of the server.",
        (*queued("A", "B", ended=True), ev.Interrupt(), *removed("A", "B")),
    ),
    Story(
        "M2",
        "audio_that_nothing_can_play",
        "The model believes that it has said what no output could play.",
        (
            ev.SessionResponseCreated("r"),
            ev.Authorize(),
            ev.SessionMessageAdded("r", "A", ("text",)),
            ev.SessionAudioReceived("A", MS),
            ev.SessionResponseEnded("r"),
            *removed("A"),
        ),
        capabilities=Capabilities(plays_audio=False),
    ),
    Story(
        "M2",
        "removals_come_last",
        "Requests go out in another order, and an answer that names no request is taken for that of another.",
        (
            *waiting("A", "B"),
            ev.OutputAudioHandedOver("A", MS),
            cut("A", 0),
            ev.OutputAudioHandedOver("B", MS),
            ev.OutputPlaybackStarted("B"),
            ev.Interrupt(),
            cut("B", 400),
            CANCELLED,
            kept("B"),
            *removed("A"),
        ),
    ),
    Story(
        "M2",
        "differences_that_stay_come_last",
        "The same, where the server cannot remove: differences are reported in another order.",
        (
            *waiting("A", "B"),
            ev.OutputAudioHandedOver("A", MS),
            cut("A", 0),
            ev.OutputAudioHandedOver("B", MS),
            ev.OutputPlaybackStarted("B"),
            ev.Interrupt(),
            cut("B", 400),
        ),
        capabilities=Capabilities(can_remove=False),
    ),
    Story(
        "M2",
        "announced_after_a_whole_speech",
        "A message that came too late to be played stays in the memory of the server.",
        (*waiting("A", ended=True), *played("A"), ev.SessionMessageAdded("r", "B")),
    ),
    Story(
        "M5",
        "announced_after_the_end_of_the_response",
        "A message that is announced late is waited for, or what comes of it is never played.",
        (
            *waiting("A", ended=True),
            ev.SessionMessageAdded("r", "B"),
            ev.SessionAudioReceived("B", MS),
            ev.SessionMessageAdded("r", "C"),
            *played("A"),
            *played("B"),
        ),
    ),
    Story(
        "M5",
        "ended_before_it_began",
        "What comes of a message after its own end is heard by nobody, and the server remembers it.",
        (
            *ENDED_EMPTY,
            ev.SessionAudioReceived("A", MS),
            ev.SessionResponseEnded("r"),
            *removed("A"),
        ),
    ),
    Story(
        "M5",
        "ended_before_it_began_and_the_response_goes_on",
        "The same, where the response does not end in time: nobody is told that the server remembers it.",
        (*ENDED_EMPTY, ev.SessionTextReceived("A", "late"), ev.Interrupt(), ev.TimerFired("reconcile")),
    ),
    Story(
        "M5",
        "ended_before_it_began_out_of_band",
        "The same of a response that is in nobody's memory: a difference is reported that is none.",
        (
            ev.Authorize(),
            ev.SessionResponseCreated("r", is_out_of_band=True),
            *ENDED_EMPTY[2:],
            ev.SessionTextReceived("A", "late"),
            ev.Interrupt(),
            ev.TimerFired("reconcile"),
        ),
    ),
    Story(
        "M5",
        "flushed_before_its_end",
        "What came after the flush is played as well; another end is asked for, and the next message never begins.",
        (
            *waiting("A"),
            ev.SessionMessageEnded("A"),
            ev.OutputAudioHandedOver("A", MS),
            ev.SessionAudioReceived("A", 1500),
            ev.OutputAudioHandedOver("A", 1500),
            ev.OutputPlaybackFinished("A", 1500),
        ),
    ),
)
