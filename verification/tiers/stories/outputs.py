"""Outputs and dead ends (O), pause and resume (P), signs of life (N15)."""

from __future__ import annotations

from speech_lifecycle.fsm import events as ev

from .story import CANCELLED, ENDED, MS, Story, cut, handed_over, interrupted, paused, removed, speaking, waiting

_LATE = ev.TimerFired("stop"), ev.TimerFired("reconcile")

STORIES = (
    Story(
        "O1",
        "the_finish_never_comes",
        "The agent is mute for good after an interruption.",
        (*interrupted("A", "B"), ev.TimerFired("stop"), CANCELLED),
    ),
    Story(
        "O1",
        "nothing_was_handed_over",
        "The agent waits for the report of an output that has nothing.",
        (*waiting("A"), ev.Interrupt(), CANCELLED, *removed("A")),
    ),
    Story(
        "O2",
        "the_watchdog",
        "The watchdog leaves the agent speaking, and the full text in history.",
        (
            *speaking("A", ended=True),
            ev.TimerFired("playout"),
            ev.TimerFired("playout"),
            ev.TimerFired("stop"),
            *removed("A"),
        ),
    ),
    Story(
        "O2",
        "the_server_falls_silent",
        "A response that stalls is waited for, and the floor is never free.",
        (
            *speaking("A"),
            ev.TimerFired("stall"),
            ev.TimerFired("stall"),
            cut("A", 400),
            ev.TimerFired("reconcile"),
        ),
    ),
    Story(
        "O3",
        "too_early",
        "A message is cut at the first gap in its audio.",
        (
            *speaking("A"),
            ev.OutputPlaybackFinished("A", MS),
            ev.SessionAudioReceived("A", 1500),
            ev.OutputAudioHandedOver("A", 1500),
            ev.SessionMessageEnded("A"),
            ev.OutputPlaybackFinished("A", 1500),
            ENDED,
        ),
    ),
    Story(
        "O3",
        "never_and_nothing_was_heard",
        "An output that cleared by itself before anything was heard leaves the message played.",
        (*handed_over("A"), cut("A", 0), ENDED),
    ),
    Story(
        "O3",
        "never",
        "The next speech waits for a finish that never comes.",
        (*speaking("A", ended=True), ev.TimerFired("playout"), ev.TimerFired("playout"), cut("A", 990)),
    ),
    Story(
        "O4",
        "a_surplus_finish",
        "A repeated finish is taken for that of the next message, or ends the agent.",
        (*speaking("A", ended=True), ev.OutputPlaybackFinished("A", MS), ev.OutputPlaybackFinished("A", MS)),
    ),
    *(
        Story(
            "O5",
            f"ended_by_{end.type}",
            "The queue is blocked: the floor is never given to the next speech.",
            (*speaking("A", "B", ended=True), end, *_LATE),
        )
        for end in (ev.Interrupt(), ev.Close(), ev.SessionLost(), ev.OutputFailed("A"))
    ),
    Story(
        "O5",
        "failed_while_it_is_held",
        "A held speech whose output broke blocks the queue.",
        (*paused("A"), ev.OutputFailed("A", "gone"), *_LATE),
    ),
    Story(
        "O5",
        "failed_while_it_generates",
        "A speech whose output broke is generated to its end.",
        (*speaking("A"), ev.OutputFailed("A", "gone"), *_LATE),
    ),
    Story(
        "O6",
        "the_session_is_lost",
        "A reconnect leaves messages open, and whoever waits for them waits for ever.",
        (*speaking("A", "B"), ev.SessionLost(), cut("A", 300)),
    ),
    Story(
        "O7",
        "what_was_processed",
        "What was heard before the stream broke is not in history.",
        (
            *speaking("A", "B", ended=True),
            ev.OutputPlaybackFinished("A", MS),
            ev.OutputAudioHandedOver("B", MS),
            ev.OutputPlaybackStarted("B"),
            ev.SessionLost(),
            cut("B", 700),
        ),
    ),
    Story(
        "P1",
        "clear_before_resume",
        "The old speech is heard again for a moment after the user interrupted it.",
        (*paused("A"), ev.Interrupt(), cut("A", 400)),
    ),
    Story(
        "P1",
        "clear_before_resume_after_the_end",
        "The same, of a response that has ended.",
        (*speaking("A", ended=True), ev.Pause(), ev.Interrupt(), cut("A", 400)),
    ),
    Story(
        "P2",
        "started_again",
        "The agent is announced as speaking twice.",
        (*paused("A"), ev.Resume(), ev.OutputPlaybackStarted("A"), ev.OutputPlaybackProgressed("A", 500)),
    ),
    Story(
        "P2",
        "the_second_message",
        "The second message announces the agent as speaking once more.",
        (
            *speaking("A", "B", ended=True),
            ev.OutputPlaybackFinished("A", MS),
            ev.OutputAudioHandedOver("B", MS),
            ev.OutputPlaybackStarted("B"),
        ),
    ),
    Story(
        "P3",
        "a_pause_belongs_to_its_speech",
        "The output stays held for the next speech.",
        (*paused("A"), ev.Interrupt(), cut("A", 400), ev.Resume(), CANCELLED),
    ),
    Story(
        "P4",
        "the_user_began_first",
        "The agent talks over the user.",
        (*waiting("A"), ev.Pause(), ev.SessionMessageAdded("r", "B"), ev.Interrupt(), CANCELLED),
    ),
    Story(
        "P4",
        "announced_before_the_floor_is_given",
        "A speech begins to play without the floor.",
        (
            ev.SessionResponseCreated("r"),
            ev.SessionMessageAdded("r", "A"),
            ev.SessionAudioReceived("A", MS),
            ev.Authorize(),
        ),
    ),
    Story(
        "P5",
        "thrown_away_during_the_hold",
        "Audio that the output threw away while it was held counts as heard.",
        (*paused("A"), ev.Resume(), ev.OutputPlaybackProgressed("A", 300), ev.Interrupt(), cut("A", 350)),
    ),
    Story(
        "P6",
        "no_timer_ends_a_pause",
        "The agent goes on speaking while the user may be interrupting.",
        (*paused("A"), *(ev.TimerFired(timer) for timer in ("stall", "playout", "stop", "reconcile")), ev.Resume()),
    ),
    Story(
        "P6",
        "an_announcement_ends_no_pause",
        "A new message ends the hold.",
        (*waiting(), ev.Pause(), ev.SessionMessageAdded("r", "A"), ev.Resume()),
    ),
    Story(
        "N15",
        "the_server_works",
        "An answer is cancelled as stalled while the server works on it.",
        (
            ev.Authorize(),
            ev.SessionResponseCreated("r"),
            ev.TimerFired("stall"),
            ev.SessionResponseProgressed("r"),
            ev.TimerFired("stall"),
            ev.TimerFired("stall"),
        ),
    ),
    Story(
        "O3",
        "more_audio_after_a_flush",
        "The timer of a flush cuts a message of which more has come since.",
        (
            *speaking("A"),
            ev.SessionMessageEnded("A"),
            ev.SessionAudioReceived("A", 1500),
            ev.TimerFired("playout"),
            ev.OutputPlaybackFinished("A", MS),
            ev.OutputAudioHandedOver("A", 1500),
            ev.OutputPlaybackFinished("A", 1500),
            ENDED,
        ),
    ),
    Story(
        "O4",
        "of_a_message_that_nobody_knows",
        "A report about an unknown message is laid at the wrong door, or ends the agent.",
        (
            *speaking("A"),
            ev.OutputPlaybackProgressed("B", 300),
            ev.SessionTextReceived("B", "What is this?"),
            ev.OutputPlaybackProgressed("A", 300),
        ),
    ),
)
