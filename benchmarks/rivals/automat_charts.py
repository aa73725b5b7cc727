"""The workload's speech chart for Automat; `automat_message` has the other, and says how guards are done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from automat import TypeMachineBuilder
from rivals.automat_message import AutomatMessage
from rivals.speech import Speech


class SpeechInputs(Protocol):
    """What a speech's chart takes; those below `moves` are sent by its own outputs."""

    def authorize(self, fact: Any) -> None: ...
    def interrupt(self, fact: Any) -> None: ...
    def session_response_created(self, fact: Any) -> None: ...
    def session_response_ended(self, fact: Any) -> None: ...
    def session_reconciliation_acknowledged(self, fact: Any) -> None: ...
    def message_announced(self, fact: Any) -> None: ...
    def message_settled(self, fact: Any) -> None: ...
    def message_heard(self, fact: Any) -> None: ...

    # moves
    def stop(self) -> None: ...
    def reconcile(self) -> None: ...
    def fail(self) -> None: ...
    def end_interrupted(self) -> None: ...
    def complete(self) -> None: ...


_speeches: TypeMachineBuilder[SpeechInputs, Speech] = TypeMachineBuilder(SpeechInputs, Speech)
_queued = _speeches.state("queued")
_waiting = _speeches.state("waiting")
_speaking = _speeches.state("speaking")
_halting = _speeches.state("stopping")
_reconciling = _speeches.state("reconciling")
_completed = _speeches.state("completed")
_interrupted = _speeches.state("interrupted")
_failed = _speeches.state("failed")


@_queued.upon(SpeechInputs.authorize).to(_waiting)
def _authorize(chart: SpeechInputs, speech: Speech, fact: Any) -> None:
    speech.state = "waiting"
    speech.announce_thinking()
    speech.forward_next()
    speech.watch()


def _created(chart: SpeechInputs, speech: Speech, fact: Any) -> None:
    if speech.has_no_response():
        speech.note_response(fact)


def _ended(chart: SpeechInputs, speech: Speech, fact: Any) -> None:
    if speech.is_generating_it(fact):
        speech.note_response_end()
        if speech.is_played_out():
            chart.reconcile()


def _announced(chart: SpeechInputs, speech: Speech, fact: Any) -> None:
    if speech.output_is_free():
        speech.forward_next()
        speech.watch()


def _settled(chart: SpeechInputs, speech: Speech, fact: Any) -> None:
    if speech.output_is_free():
        speech.forward_next()
        speech.watch()
        if speech.is_played_out():
            chart.reconcile()


@_waiting.upon(SpeechInputs.message_heard).to(_speaking)
def _heard(chart: SpeechInputs, speech: Speech, fact: Any) -> None:
    speech.state = "speaking"
    speech.announce_speaking()


def _interrupt(chart: SpeechInputs, speech: Speech, fact: Any) -> None:
    if speech.may_interrupt(fact):
        chart.stop()


def _halt(chart: SpeechInputs, speech: Speech) -> None:
    speech.state = "stopping"
    speech.because_interrupted()
    speech.cancel_response()
    speech.stop_message()
    if speech.output_is_free():
        chart.reconcile()


@_halting.upon(SpeechInputs.message_settled).loop()
def _halted(chart: SpeechInputs, speech: Speech, fact: Any) -> None:
    if speech.output_is_free():
        chart.reconcile()


def _go_to_end(chart: SpeechInputs, speech: Speech) -> None:
    if speech.is_reconciled():
        if speech.has_failed():
            chart.fail()
        elif speech.is_stopped():
            chart.end_interrupted()
        else:
            chart.complete()


def _reconcile(chart: SpeechInputs, speech: Speech) -> None:
    speech.state = "reconciling"
    speech.bring_server_in_line()
    speech.announce_listening()
    _go_to_end(chart, speech)


@_halting.upon(SpeechInputs.reconcile).to(_reconciling)
def _reconcile_stopped(chart: SpeechInputs, speech: Speech) -> None:
    speech.skip_pending()
    _reconcile(chart, speech)


@_reconciling.upon(SpeechInputs.session_reconciliation_acknowledged).loop()
def _acknowledged(chart: SpeechInputs, speech: Speech, fact: Any) -> None:
    if speech.is_awaited(fact):
        speech.strike_request(fact)
        _go_to_end(chart, speech)


@_reconciling.upon(SpeechInputs.fail).to(_failed)
def _fail(chart: SpeechInputs, speech: Speech) -> None:
    speech.state = "failed"
    speech.unwatch()
    speech.report_failed()


@_reconciling.upon(SpeechInputs.end_interrupted).to(_interrupted)
def _end_interrupted(chart: SpeechInputs, speech: Speech) -> None:
    speech.state = "interrupted"
    speech.unwatch()
    speech.report_interrupted()


@_reconciling.upon(SpeechInputs.complete).to(_completed)
def _complete(chart: SpeechInputs, speech: Speech) -> None:
    speech.state = "completed"
    speech.unwatch()
    speech.report_completed()


_reconciling.upon(SpeechInputs.message_settled).loop().returns(None)
for _active in (_waiting, _speaking):
    _active.upon(SpeechInputs.session_response_created).loop()(_created)
    _active.upon(SpeechInputs.session_response_ended).loop()(_ended)
    _active.upon(SpeechInputs.message_announced).loop()(_announced)
    _active.upon(SpeechInputs.message_settled).loop()(_settled)
    _active.upon(SpeechInputs.interrupt).loop()(_interrupt)
    _active.upon(SpeechInputs.stop).to(_halting)(_halt)
    _active.upon(SpeechInputs.reconcile).to(_reconciling)(_reconcile)

_speech_chart: Callable[[Speech], Any] = _speeches.build()


class AutomatSpeech(Speech):
    """A speech whose events Automat handles."""

    def __init__(self) -> None:
        super().__init__(AutomatMessage)
        self.chart = _speech_chart(self)

    def deliver(self, name: str, fact: Any = None) -> None:
        getattr(self.chart, name)(fact)
