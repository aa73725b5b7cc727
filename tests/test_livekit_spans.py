"""The OpenTelemetry spans of speeches and messages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from speech_lifecycle.adapters.livekit_agents.spans import SpeechSpans
from speech_lifecycle.simulation.livekit_agents.scenarios import LIVEKIT_SCENARIOS


def spans_of(name: str) -> list[ReadableSpan]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    scenario = LIVEKIT_SCENARIOS[name]
    staging = replace(scenario.staging, on_watch=lambda watch: SpeechSpans(watch, provider.get_tracer("test")))
    replace(scenario, staging=staging).play("repaired")
    return list(exporter.get_finished_spans())


def attribute(span: ReadableSpan, name: str) -> object:
    assert span.attributes is not None
    return span.attributes[f"speech_lifecycle.{name}"]


def states(span: ReadableSpan) -> list[str]:
    return [event.name for event in span.events]


@pytest.fixture(scope="module")
def spans() -> dict[object, ReadableSpan]:
    spans = spans_of("in-second")
    return {attribute(span, "message_id") if span.name == "message" else "speech": span for span in spans}


def test_a_speech_has_a_span_with_its_states(spans: dict[object, ReadableSpan]) -> None:
    assert states(spans["speech"]) == ["waiting", "speaking", "stopping", "reconciling", "interrupted"]
    assert attribute(spans["speech"], "outcome") == "interrupted"


def test_a_message_has_a_span_within_that_of_its_speech(spans: dict[object, ReadableSpan]) -> None:
    assert set(spans) == {"speech", "preamble", "answer"}
    parent = spans["answer"].parent
    assert parent is not None
    assert parent.span_id == spans["speech"].context.span_id


def test_the_span_of_a_message_says_what_was_heard_and_no_text(spans: dict[object, ReadableSpan]) -> None:
    answer = spans["answer"]
    assert states(answer) == ["pending", "streaming", "draining", "stopping", "partial"]
    assert (attribute(answer, "state"), attribute(answer, "heard_ms")) == ("partial", 1_400)
    assert "sunny" not in answer.to_json()


def test_a_speech_that_failed_is_an_error() -> None:
    speech = next(span for span in spans_of("raises") if span.name == "speech")
    assert speech.status.status_code is StatusCode.ERROR


def test_a_forbidden_step_is_an_event_of_what_is_open() -> None:
    speech = next(span for span in spans_of("protected") if span.name == "speech")
    steps = [event for event in speech.events if event.name == "forbidden_step"]
    assert [event.attributes["speech_lifecycle.rule"] for event in steps if event.attributes] == ["cancelled_again"]


def test_a_forbidden_step_after_the_end_is_a_span_of_its_own() -> None:
    step = next(span for span in spans_of("cleared-from-outside") if span.name == "forbidden_step")
    assert (attribute(step, "rule"), attribute(step, "message_id")) == ("history_has_unheard", "preamble")
