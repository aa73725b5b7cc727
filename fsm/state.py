"""The data of one speech and its messages: what the charts' guards read and their actions write."""

from __future__ import annotations

from msgspec import Struct

from .notebook import show_itself
from .values import (
    FINAL_MESSAGE_STATES,
    FINAL_SPEECH_STATES,
    FORWARDING_STATES,
    AgentState,
    Capabilities,
    ConnectionState,
    ConversationPolicy,
    FloorState,
    GenerationState,
    HeardMsStatus,
    MessageRecord,
    MessageState,
    Policy,
    Reason,
    Reconciliation,
    SpeechState,
    Timer,
    UserState,
    Whole,
)

DEFAULT_CAPABILITIES = Capabilities()
DEFAULT_POLICY = Policy()
DEFAULT_CONVERSATION_POLICY = ConversationPolicy()


_HOLDING_STATES = ("paused", "stopping")
"""In which the output gets no more of the message that it has."""


class Message(Struct, gc=False):
    """One message of the response, from its announcement on."""

    message_id: str
    expects_audio: bool = True
    """False for a text-only message, and for any message if there is no audio output."""
    state: MessageState = "pending"
    received_ms: Whole = 0
    handed_over_ms: Whole = 0
    position_ms: Whole = 0
    """The last usable position that the output reported; in the end, how much of it was heard."""
    position_at_ms: int | None = None
    """When that was, by the time of its speech that stands still while the playback is held."""
    position_status: HeardMsStatus = "reported"
    most_ms: Whole = 0
    """The most of it that can have been heard by `most_at_ms`."""
    most_at_ms: int | None = None
    """The latest time, by the same clock, at which that was known; None if no event has told the time."""
    has_started: bool = False
    """The output reported that playback of this message began."""
    source_has_ended: bool = False
    flushed_ms: Whole = 0
    """How much the output was told to play out, and owes a finish for; 0 if it owes none."""
    text: str = ""
    shown_text: str | None = None
    """Of a text-only message: what had been shown when it was stopped."""
    transcript: str | None = None
    """What the output reported as played. "" is a report, None is none (H2)."""
    reason: Reason | None = None
    record: MessageRecord | None = None
    next_id: str | None = None
    """While it waits for its turn: whose turn comes after it."""

    _repr_mimebundle_ = show_itself

    @property
    def is_final(self) -> bool:
        """Whether it is played, partial or skipped."""
        return self.state in FINAL_MESSAGE_STATES

    @property
    def is_forwarding(self) -> bool:
        """Whether it is the one that the output has."""
        return self.state in FORWARDING_STATES

    @property
    def outgrew_its_record(self) -> bool:
        """All that had come of it was heard, if anything, and then more came: its end was none (spec, section 3)."""
        record = self.record
        if record is None:
            return False
        if record.state == "skipped":
            return self.received_ms > record.received_ms or self.text != record.generated_text
        if self.expects_audio:
            return self.received_ms > record.received_ms
        # Of a text that was stopped too early, or without an end, the server is asked to keep what was shown anyway.
        return self.source_has_ended and self.text != record.generated_text == record.heard_text


class Speech(Struct, gc=False):
    """One speech: the snapshot that `step` takes and returns, and that the in-place machine changes.

    Treat a snapshot as a value: `step` never changes the one it was given.
    """

    capabilities: Capabilities = DEFAULT_CAPABILITIES
    policy: Policy = DEFAULT_POLICY
    state: SpeechState = "queued"
    messages: dict[str, Message] = {}
    """By id, in the order of their announcement."""
    forwarding_id: str | None = None
    """The message that the output has."""
    next_id: str | None = None
    """The first message that waits for its turn."""
    last_id: str | None = None
    """The last of those that wait, if any does."""
    growing: tuple[str, ...] = ()
    """The messages that have got content since the last item of the response began: they grow until the next one."""
    response_id: str | None = None
    response_has_ended: bool = False
    response_has_failed: bool = False
    cancel_was_sent: bool = False
    session_is_lost: bool = False
    cause: Reason | None = None
    """Why the speech is being stopped; None while nothing stops it."""
    was_heard: bool = False
    output_is_paused: bool = False
    held_since_ms: Whole | None = None
    """When the present hold began, if an event told the time."""
    held_ms: int = 0
    """How long the playback was held before that."""
    stopped_at_ms: int | None = None
    """When the output was told to stop, without the time of holds."""
    agent_state: AgentState | None = None
    """The last one announced."""
    timer: Timer | None = None
    """The timer that runs."""
    has_progressed: bool = False
    """A fact has come since the timer was started."""
    awaited: dict[str, Reconciliation] = {}
    """Requests that the server has not answered: the operation, by the id of its message."""
    answered: tuple[str, ...] = ()
    """The messages about which the server has answered, or was asked in vain."""
    awaits_resumption: bool = False
    """The connection is gone, and it is not known yet whether the server keeps the conversation."""
    speech_id: str = ""
    """Its name in a conversation; "" for a speech by itself."""
    is_out_of_band: bool = False
    """Its response is no part of the conversation: what is heard of it is in nobody's memory."""
    code: str = ""
    """Why its response failed, was cut or refused, or the connection was lost: what the server calls it."""
    text: str = ""
    """The same in the server's words."""

    _repr_mimebundle_ = show_itself

    def forwarding_message(self) -> Message | None:
        """Return the message that the output has, or None."""
        return None if self.forwarding_id is None else self.messages[self.forwarding_id]

    def message_in_turn(self) -> Message:
        """Return the message that the output has, or else the first that waits for its turn.

        Raises:
            KeyError: there is none.
        """
        return self.messages[self.forwarding_id or self.next_id or ""]

    def message_to_hand_over(self) -> Message | None:
        """Return the message whose audio and text may be handed to the output now, or None: the states say it.

        Asked before every hand-over, so that nothing is handed over after a pause or an interruption (P4).
        """
        return None if self.state in _HOLDING_STATES else self.forwarding_message()

    @property
    def records(self) -> tuple[MessageRecord, ...]:
        """The records of the messages that are final, in the order of their announcement."""
        return tuple([message.record for message in self.messages.values() if message.record is not None])

    @property
    def is_over(self) -> bool:
        """Whether it is completed, interrupted or failed."""
        return self.state in FINAL_SPEECH_STATES


class Conversation(Struct, gc=False):
    """One conversation and its speeches: the snapshot that its machine takes, changes and returns."""

    capabilities: Capabilities = DEFAULT_CAPABILITIES
    policy: ConversationPolicy = DEFAULT_CONVERSATION_POLICY
    connection: ConnectionState = "connected"
    user: UserState = "silent"
    floor: FloorState = "free"
    generation: GenerationState = "idle"
    agent: AgentState = "listening"
    speeches: dict[str, Speech] = {}
    """By name: those that are not over, and the latest of those that are, in order of creation."""
    live: dict[str, None] = {}
    """The names of those that are not over."""
    over: dict[str, None] = {}
    """The names of those that are, oldest first."""
    waiting: dict[str, None] = {}
    """Those that wait for the floor, in the order in which they get it."""
    requests: dict[str, None] = {}
    """Those whose response is still to be asked for, in order."""
    floor_id: str | None = None
    """The speech that has the floor."""
    held_at_ms: Whole | None = None
    """When a user who began to speak held everything last."""
    request_id: str | None = None
    """The speech whose request was sent and not answered."""
    generating_ids: tuple[str, ...] = ()
    """The speeches of responses that the server generates; those that have ended may stay until another begins."""
    by_response: dict[str, str] = {}
    """The speech of each response."""
    by_message: dict[str, str] = {}
    """The speech of each message."""

    _repr_mimebundle_ = show_itself


# msgspec's own __setattr__ is there for the garbage collector, of which these have no need. CPython sets the slots of a
# class with the usual one in a third of the time. It has to be put back after msgspec has made the class.
for _mutable in (Message, Speech, Conversation):
    _mutable.__setattr__ = object.__setattr__  # type: ignore[method-assign]
    _mutable.__delattr__ = object.__delattr__  # type: ignore[method-assign]
