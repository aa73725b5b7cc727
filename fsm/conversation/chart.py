"""The conversation chart: one session with one listener, and the speeches in it (spec, section 12).

Five things are nearly independent, so they are regions side by side:

- `connection`: whether there is a server to talk to, and whether the agent is leaving;
- `user`: whether the user speaks;
- `floor`: which speech has the output, at most one at a time;
- `generation`: what the server generates, at most one response that was asked for at a time (C1);
- `agent`: what the agent does, as the listener would describe it.

Each event is taken by one region. The others follow by eventless transitions, which are tried after every event, and by
what the conversation is told of its speeches, by name: `speech_stopped`, `speech_resumed`, `response_over` and
`speech_over`.
Transitions of one state and event are tried in the order in which they stand here. What the guards and actions mean is
said in `guards` and `actions`. An event that no transition takes is answered by `ANSWERS`.
"""

from __future__ import annotations

from typing import Any

from statemachine import State, StateChart

from ..answers import ignored, rejected
from ..chart_model import new_model
from ..naming import named

INTERNAL_EVENTS = ("hold", "user_unknown", "speech_stopped", "speech_resumed", "response_over", "speech_over")


class ConversationChart(StateChart[Any]):
    """One conversation."""

    catch_errors_as_events = False
    allow_event_without_transition = False

    def __init__(self, model: Any = None, **options: Any) -> None:
        """Begin one, by default with data of its own (`chart_model`)."""
        super().__init__(new_model("conversation") if model is None else model, **options)

    class conversation(State.Parallel):  # noqa: N801
        class connection(State.Compound):  # noqa: N801
            connected = State(initial=True)
            disconnected = State()
            restoring = State()
            closing = State()
            closed = State(final=True)

        class user(State.Compound):  # noqa: N801
            silent = State(initial=True)
            talking = State()

        class floor(State.Compound):  # noqa: N801
            free = State(initial=True)
            held = State()
            taken = State()
            suspended = State()

        class generation(State.Compound):  # noqa: N801
            idle = State(initial=True)
            requested = State()
            generating = State()

        class agent(State.Compound):  # noqa: N801
            listening = State(initial=True)
            thinking = State()
            speaking = State()

    connected, disconnected = conversation.connection.connected, conversation.connection.disconnected
    restoring = conversation.connection.restoring
    closing, closed = conversation.connection.closing, conversation.connection.closed
    silent, talking = conversation.user.silent, conversation.user.talking
    free, held = conversation.floor.free, conversation.floor.held
    taken, suspended = conversation.floor.taken, conversation.floor.suspended
    idle, requested = conversation.generation.idle, conversation.generation.requested
    generating = conversation.generation.generating
    listening, thinking, speaking = (
        conversation.agent.listening,
        conversation.agent.thinking,
        conversation.agent.speaking,
    )

    # The connection. A speech cannot go on without it, whatever becomes of the server's memory.
    connected.to(disconnected, event="session_lost", on=["lose_session", "announce_disconnected"])
    disconnected.to(None, event="session_lost", cond="is_lost_for_good", on="lose_session")
    restoring.to(disconnected, event="session_lost", on=["lose_session", "announce_disconnected"])
    closing.to(None, event="session_lost", on="lose_session_for_good")
    named(
        "kept",
        disconnected.to(
            connected, event="session_resumed", cond="conversation_is_kept", on=["resume_session", "announce_connected"]
        ),
    )
    # A server that begins anew is told what was heard, when that is settled.
    disconnected.to(restoring, event="session_resumed", on="resume_session")
    restoring.to(connected, cond="nothing_lost_is_left", on=["restore_history", "announce_connected"])

    # Every way out is this one: what was heard is settled by the evidence, and nothing new begins (H6).
    connected.to(closing, event="close", on=["announce_closing", "close_all"])
    disconnected.to(closing, event="close", on=["announce_closing", "close_all", "lose_session_for_good"])
    restoring.to(closing, event="close", on=["announce_closing", "close_all"])
    closing.to(closed, cond="nothing_is_left and user_is_silent", on="announce_closed")

    # Barge-in covers what plays, what is queued and what is only requested (M8). A user who is thought to be speaking
    # may begin again: not every server says when a user has stopped. On the way out nobody waits for a user.
    named("leaving", silent.to(None, event="user_started_speaking", cond="is_leaving"))
    named(
        "interrupting",
        silent.to(
            talking, event="user_started_speaking", cond="barge_in_interrupts", on=["watch_user", "interrupt_all"]
        ),
    )
    named(
        "holding",
        silent.to(talking, event="user_started_speaking", cond="barge_in_holds", on=["watch_user", "hold_all"]),
    )
    silent.to(talking, event="user_started_speaking", on="watch_user")
    named(
        "interrupting",
        talking.to(None, event="user_started_speaking", cond="barge_in_interrupts", on=["watch_user", "interrupt_all"]),
    )
    named(
        "holding",
        talking.to(None, event="user_started_speaking", cond="barge_in_holds", on=["watch_user", "hold_all"]),
    )
    talking.to(None, event="user_started_speaking", on="watch_user")
    talking.to(silent, event="user_stopped_speaking", on="unwatch_user")
    # Whoever would have said that the user has stopped is gone, or has forgotten it: the floor must not be lost to that
    # (N5).
    talking.to(silent, event="user_unknown", on="unwatch_user")
    talking.to(silent, event="timer_fired", cond="is_of_the_user")

    # The floor goes to the speech that has waited longest, once the output is free and the user silent.
    free.to(taken, cond="next_may_speak", on="give_floor_to_next")
    free.to(taken, event="authorize", cond="is_waiting", on="give_floor")
    held.to(taken, event="authorize", cond="is_waiting", on="give_floor")
    # Where it is given elsewhere, that is a fact: whoever has it has it no more. It settles without it; but what is
    # held cannot go on, as the output plays something else.
    named(
        "elsewhere",
        taken.to(None, event="authorize", cond="is_waiting and floor_is_given_elsewhere", on="give_floor"),
    )
    named(
        "elsewhere",
        suspended.to(
            taken,
            event="authorize",
            cond="is_waiting and floor_is_given_elsewhere",
            on=["interrupt_what_is_held", "give_floor"],
        ),
    )
    named("own", taken.to(free, event="speech_over", cond="has_the_floor", on=["release_floor", "keep_for_late_facts"]))
    named(
        "own",
        suspended.to(held, event="speech_over", cond="has_the_floor", on=["release_floor", "keep_for_late_facts"]),
    )
    free.to(None, event="speech_over", on="keep_for_late_facts")
    held.to(None, event="speech_over", on="keep_for_late_facts")
    taken.to(None, event="speech_over", on="keep_for_late_facts")
    suspended.to(None, event="speech_over", on="keep_for_late_facts")
    free.to(None, event="speech_stopped", on="withdraw")
    held.to(None, event="speech_stopped", on="withdraw")
    taken.to(None, event="speech_stopped", on="withdraw")
    suspended.to(None, event="speech_stopped", on="withdraw")

    # A hold keeps everything where it is, whether something plays or not, until the agent ends it (P6). It outlives the
    # speech that it found: however that ends, nothing else begins (N25).
    free.to(held, event="pause")
    taken.to(suspended, event="pause", cond="what_plays_can_be_held", on="pause_speech")
    free.to(held, event="hold", cond="something_waits")
    taken.to(suspended, event="hold", cond="something_can_be_held", on="pause_speech")
    held.to(free, event="resume")
    taken.to(None, event="resume", cond="what_plays_is_held", on="resume_speech")
    suspended.to(taken, event="resume", on="resume_speech")
    suspended.to(taken, event="speech_resumed")

    # Without a name, an interruption means silence. It ends a hold, unless what is held may not be interrupted: that
    # would begin to play the moment that silence was asked for.
    free.to(None, event="interrupt", cond="something_may_be_stopped", on="interrupt_all")
    taken.to(None, event="interrupt", cond="something_may_be_stopped", on="interrupt_all")
    held.to(free, event="interrupt", cond="something_may_be_stopped", on="interrupt_all")
    named("of_nothing", held.to(free, event="interrupt", cond="not something_plays_or_waits"))
    suspended.to(taken, event="interrupt", cond="something_may_be_stopped", on="interrupt_all")
    named("of_nothing", suspended.to(taken, event="interrupt", cond="not something_plays_or_waits"))

    # Another output is that of the speeches to come.
    free.to(None, event="change_output", on="note_output")
    held.to(None, event="change_output", on="note_output")
    taken.to(None, event="change_output", on="note_output")
    suspended.to(None, event="change_output", on="note_output")

    # Requests wait for each other (C1). Without a connection, or on the way out, one fails at once.
    named("sent", idle.to(None, event="request_response", cond="is_new_speech and is_connected", on="begin_request"))
    named(
        "disconnected",
        idle.to(None, event="request_response", cond="is_new_speech and is_disconnected", on="begin_lost_speech"),
    )
    named("closing", idle.to(None, event="request_response", cond="is_new_speech", on="begin_closed_speech"))
    named(
        "sent", requested.to(None, event="request_response", cond="is_new_speech and is_connected", on="begin_request")
    )
    named("closing", requested.to(None, event="request_response", cond="is_new_speech", on="begin_closed_speech"))
    named(
        "sent", generating.to(None, event="request_response", cond="is_new_speech and is_connected", on="begin_request")
    )
    named("closing", generating.to(None, event="request_response", cond="is_new_speech", on="begin_closed_speech"))
    idle.to(requested, cond="next_may_be_requested", on="send_request")

    # What a request comes to: its own response, the server's own at that moment, a refusal, or nothing in time.
    named(
        "asked_for",
        requested.to(
            generating, event="session_response_created", cond="answers_the_request", on="begin_response_asked_for"
        ),
    )
    named(
        "taken_over",
        requested.to(
            generating,
            event="session_response_created",
            cond="is_the_servers_own and request_is_wanted",
            on="begin_response_asked_for",
        ),
    )
    named(
        "while_generating",
        requested.to(
            generating, event="session_request_refused", cond="is_request_sent and a_response_runs", on="refuse"
        ),
    )
    requested.to(idle, event="session_request_refused", cond="is_request_sent", on="refuse")
    named(
        "while_generating",
        requested.to(
            generating, event="response_over", cond="is_request_sent and a_response_runs", on="give_request_up"
        ),
    )
    requested.to(idle, event="response_over", cond="is_request_sent", on="give_request_up")
    generating.to(idle, event="response_over", cond="no_response_runs")

    # What is generated is cancelled once (C4), and what has come of it is played.
    requested.to(None, event="cancel_generation", cond="something_is_generated", on="cancel_responses")
    generating.to(None, event="cancel_generation", cond="something_is_generated", on="cancel_responses")

    # A response that nobody asked for is the server's answer to the user: it belongs to a new speech. One that was
    # asked for and given up, or that begins on the way out, is cancelled before it is heard. On the way out nobody
    # waits for its end: a server that begins one after the other must not hold up the agent.
    named(
        "own", idle.to(generating, event="session_response_created", cond="is_the_servers_own", on="begin_own_response")
    )
    named(
        "own", requested.to(None, event="session_response_created", cond="is_the_servers_own", on="begin_own_response")
    )
    named(
        "own", generating.to(None, event="session_response_created", cond="is_the_servers_own", on="begin_own_response")
    )
    named(
        "leaving",
        idle.to(
            None, event="session_response_created", cond="is_unwanted and is_leaving", on="begin_response_too_late"
        ),
    )
    named(
        "leaving",
        requested.to(
            None, event="session_response_created", cond="is_unwanted and is_leaving", on="begin_response_too_late"
        ),
    )
    named(
        "leaving",
        generating.to(
            None, event="session_response_created", cond="is_unwanted and is_leaving", on="begin_response_too_late"
        ),
    )
    named(
        "unwanted",
        idle.to(generating, event="session_response_created", cond="is_unwanted", on="begin_unwanted_response"),
    )
    named(
        "unwanted",
        requested.to(None, event="session_response_created", cond="is_unwanted", on="begin_unwanted_response"),
    )
    named(
        "unwanted",
        generating.to(None, event="session_response_created", cond="is_unwanted", on="begin_unwanted_response"),
    )

    # The agent's state, over all speeches and requests.
    named("audible", listening.to(speaking, cond="is_audible", on="announce_speaking"))
    named("preparing", listening.to(thinking, cond="is_preparing", on="announce_thinking"))
    named("audible", thinking.to(speaking, cond="is_audible", on="announce_speaking"))
    named("at_rest", thinking.to(listening, cond="is_at_rest", on="announce_listening"))
    named("preparing", speaking.to(thinking, cond="is_preparing", on="announce_thinking"))
    named("at_rest", speaking.to(listening, cond="is_at_rest", on="announce_listening"))


_FLOOR = "free held taken suspended"
_GENERATION = "idle requested generating"

ANSWERS = (
    ignored("already_lost", "disconnected", "session_lost"),
    ignored("already_closing", "closing", "close"),
    ignored("not_lost", "connected restoring closing", "session_resumed"),
    ignored("conversation_is_closed", "closed", "close", "session_lost", "session_resumed"),
    ignored("already_silent", "silent", "user_stopped_speaking"),
    ignored("stale_timer", "silent", "timer_fired", cond="is_of_the_user"),
    rejected("no_speech", "silent talking", "timer_fired"),
    ignored("already_authorized", "taken suspended", "authorize", cond="has_the_floor"),
    rejected("output_busy", "taken suspended", "authorize", cond="is_waiting"),
    ignored("already_stopping", _FLOOR, "authorize", cond="is_known_speech"),
    rejected("no_speech", _FLOOR, "authorize"),
    ignored("already_held", "held suspended", "pause"),
    rejected("output_cannot_pause", "taken", "pause"),
    ignored("not_held", "free taken", "resume"),
    rejected("not_interruptible", "free taken", "interrupt", cond="something_plays_or_waits"),
    ignored("already_stopping", "free", "interrupt", cond="something_is_left"),
    ignored("already_stopping", "taken", "interrupt"),
    rejected("no_speech", "free", "interrupt"),
    rejected("not_interruptible", "held suspended", "interrupt"),
    rejected("speech_exists", _GENERATION, "request_response"),
    ignored("out_of_band", _GENERATION, "session_response_created", cond="is_out_of_band"),
    ignored("already_created", _GENERATION, "session_response_created", cond="is_known_response"),
    ignored("conversation_is_closed", "idle", "session_response_created", cond="is_closed"),
    rejected("speech_exists", _GENERATION, "session_response_created"),
    ignored("already_cancelled", "requested", "cancel_generation", cond="a_response_runs"),
    ignored("already_cancelled", "generating", "cancel_generation"),
    ignored("nothing_generates", "idle requested", "cancel_generation"),
    ignored("already_answered", _GENERATION, "session_request_refused"),
)
