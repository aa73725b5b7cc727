"""The workload's message chart for Automat, with its `TypeMachineBuilder`.

Automat knows no guards: an input has one target per state, and an output decides in Python which input comes next.
So a transition with a guard that moves is a loop whose output asks the guard, and sends the input that moves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from automat import TypeMachineBuilder
from rivals.message import Message
from rivals.speech import Speech


class MessageInputs(Protocol):
    """What a message's chart takes; those below `moves` are sent by its own outputs."""

    def session_message_added(self, fact: Any) -> None: ...
    def session_text_received(self, fact: Any) -> None: ...
    def session_audio_received(self, fact: Any) -> None: ...
    def end_source(self, fact: Any) -> None: ...
    def later_message_began(self, fact: Any) -> None: ...
    def forward(self, fact: Any) -> None: ...
    def skip(self, fact: Any) -> None: ...
    def stop(self, fact: Any) -> None: ...
    def output_audio_handed_over(self, fact: Any) -> None: ...
    def output_playback_started(self, fact: Any) -> None: ...
    def output_playback_progressed(self, fact: Any) -> None: ...
    def output_playback_finished(self, fact: Any) -> None: ...

    # moves
    def stream_again(self) -> None: ...
    def drain(self) -> None: ...
    def end_empty(self) -> None: ...
    def end_whole(self, fact: Any) -> None: ...
    def end_played(self, fact: Any) -> None: ...
    def end_partial(self, fact: Any) -> None: ...
    def end_skipped(self, fact: Any) -> None: ...


_messages: TypeMachineBuilder[MessageInputs, Message] = TypeMachineBuilder(MessageInputs, Message)
_pending = _messages.state("pending")
_streaming = _messages.state("streaming")
_draining = _messages.state("draining")
_stopping = _messages.state("stopping")
_played = _messages.state("played")
_partial = _messages.state("partial")
_skipped = _messages.state("skipped")


def _go_on(chart: MessageInputs, message: Message) -> None:
    if message.state == "streaming" and message.is_spent():
        if message.has_no_content():
            chart.end_empty()
        elif message.is_text_only():
            chart.end_played(None)
        else:
            chart.drain()


@_pending.upon(MessageInputs.session_message_added).loop()
def _added(chart: MessageInputs, message: Message, fact: Any) -> None:
    if message.is_new() and message.is_of_this_response(fact):
        message.announce(fact)


def _text(chart: MessageInputs, message: Message, fact: Any) -> None:
    message.collect_text(fact)


def _audio(chart: MessageInputs, message: Message, fact: Any) -> None:
    if message.received_no_less(fact):
        message.count_received(fact)
        _go_on(chart, message)


@_draining.upon(MessageInputs.session_audio_received).loop()
def _more_audio(chart: MessageInputs, message: Message, fact: Any) -> None:
    if message.received_more(fact):
        message.count_received(fact)
        chart.stream_again()


def _source_end(chart: MessageInputs, message: Message, fact: Any) -> None:
    if message.source_is_open():
        message.note_source_end()
        _go_on(chart, message)


def _guessed_source_end(chart: MessageInputs, message: Message, fact: Any) -> None:
    if message.source_is_open() and message.has_content():
        message.note_source_end()
        _go_on(chart, message)


def _handed_over(chart: MessageInputs, message: Message, fact: Any) -> None:
    if message.handed_over_no_less(fact):
        message.count_handed_over(fact)
        _go_on(chart, message)


def _started(chart: MessageInputs, message: Message, fact: Any) -> None:
    if message.is_on_the_output() and message.has_not_started():
        message.note_start()


def _progressed(chart: MessageInputs, message: Message, fact: Any) -> None:
    if message.is_on_the_output() and message.position_is_usable(fact):
        message.note_progress(fact)


@_draining.upon(MessageInputs.output_playback_finished).loop()
def _finished(chart: MessageInputs, message: Message, fact: Any) -> None:
    if message.was_not_interrupted(fact):
        chart.end_whole(fact)
    elif message.is_heard_to_the_end(fact):
        chart.end_played(fact)
    elif message.is_heard(fact):
        chart.end_partial(fact)
    else:
        chart.end_skipped(fact)


@_stopping.upon(MessageInputs.output_playback_finished).loop()
def _stopped(chart: MessageInputs, message: Message, fact: Any) -> None:
    if not message.is_on_the_output():
        return
    if message.is_heard_to_the_end(fact):
        chart.end_played(fact)
    elif message.is_heard(fact):
        chart.end_partial(fact)
    else:
        chart.end_skipped(fact)


@_pending.upon(MessageInputs.forward).to(_streaming)
def _forward(chart: MessageInputs, message: Message, fact: Any) -> None:
    message.state = "streaming"
    message.start_handover()
    _go_on(chart, message)


@_pending.upon(MessageInputs.skip).to(_skipped)
def _skip(chart: MessageInputs, message: Message, fact: Any) -> None:
    message.state = "skipped"
    message.settle_skipped()


@_draining.upon(MessageInputs.stop).to(_stopping)
def _stop(chart: MessageInputs, message: Message, fact: Any) -> None:
    message.state = "stopping"
    message.clear_output()


@_draining.upon(MessageInputs.stream_again).to(_streaming)
def _stream_again(chart: MessageInputs, message: Message) -> None:
    message.state = "streaming"


@_streaming.upon(MessageInputs.drain).to(_draining)
def _drain(chart: MessageInputs, message: Message) -> None:
    message.state = "draining"
    message.flush()


@_streaming.upon(MessageInputs.end_empty).to(_skipped)
def _end_empty(chart: MessageInputs, message: Message) -> None:
    message.state = "skipped"
    message.settle_empty()


@_draining.upon(MessageInputs.end_whole).to(_played)
def _end_whole(chart: MessageInputs, message: Message, fact: Any) -> None:
    message.state = "played"
    message.note_whole()
    message.settle_played()


def _end_played(chart: MessageInputs, message: Message, fact: Any) -> None:
    message.state = "played"
    if fact is not None:
        message.note_finish(fact)
    message.settle_played()


@_draining.upon(MessageInputs.end_partial).to(_partial)
def _end_cleared(chart: MessageInputs, message: Message, fact: Any) -> None:
    message.state = "partial"
    message.note_finish(fact)
    message.settle_cleared()


@_stopping.upon(MessageInputs.end_partial).to(_partial)
def _end_stopped(chart: MessageInputs, message: Message, fact: Any) -> None:
    message.state = "partial"
    message.note_finish(fact)
    message.settle_stopped()


def _end_skipped(chart: MessageInputs, message: Message, fact: Any) -> None:
    message.state = "skipped"
    message.note_finish(fact)
    message.settle_skipped()


for _state in (_pending, _streaming, _draining):
    _state.upon(MessageInputs.session_text_received).loop()(_text)
    _state.upon(MessageInputs.end_source).loop()(_source_end)
    _state.upon(MessageInputs.later_message_began).loop()(_guessed_source_end)
for _state in (_pending, _streaming):
    _state.upon(MessageInputs.session_audio_received).loop()(_audio)
for _state in (_streaming, _draining):
    _state.upon(MessageInputs.output_audio_handed_over).loop()(_handed_over)
    _state.upon(MessageInputs.output_playback_started).loop()(_started)
    _state.upon(MessageInputs.output_playback_progressed).loop()(_progressed)
for _state in (_streaming, _draining, _stopping):
    _state.upon(MessageInputs.end_played).to(_played)(_end_played)
for _state in (_draining, _stopping):
    _state.upon(MessageInputs.end_skipped).to(_skipped)(_end_skipped)
for _state in (_played, _partial, _skipped):
    _state.upon(MessageInputs.end_source).loop().returns(None)
    _state.upon(MessageInputs.later_message_began).loop().returns(None)

_message_chart: Callable[[Message], Any] = _messages.build()


class AutomatMessage(Message):
    """A message whose events Automat handles."""

    def __init__(self, speech: Speech, message_id: str) -> None:
        super().__init__(speech, message_id)
        self.chart = _message_chart(self)

    def deliver(self, name: str, fact: Any = None) -> None:
        getattr(self.chart, name)(fact)
