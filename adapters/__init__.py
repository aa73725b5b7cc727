"""Adapters: the driver that joins a session, an output and the machine, and parts to join.

What an embedder needs is to be had from here, and is imported when it is first asked for. `adapters.livekit_agents` has
what LiveKit Agents needs.
"""

from typing import TYPE_CHECKING

from speech_lifecycle.fsm.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from .changes import Change, ChangeListener, EmbedderFailed, MessageStateChanged, SpeechStateChanged
    from .clock import Clock, LoopClock, VirtualClock
    from .driven_speech import DrivenMessage, DrivenSpeech
    from .driver import Driver
    from .live_trace import LiveTrace
    from .ports import (
        AudioOutput,
        CheckingSession,
        ConversingSession,
        PlayingSession,
        RestorableSession,
        Session,
        SessionReceiver,
    )
    from .sessions.audio_format import AudioFormat, AudioFormatError
    from .sessions.openai_dialects import Dialect
    from .sessions.openai_realtime import OpenAIRealtimeSession
    from .sessions.reconnection import Reconnection
    from .sessions.tool_calls import ToolCall
    from .telling import EffectListener
    from .trace_file import TraceFile
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "AudioFormat": ".sessions.audio_format",
            "AudioFormatError": ".sessions.audio_format",
            "AudioOutput": ".ports",
            "Change": ".changes",
            "ChangeListener": ".changes",
            "CheckingSession": ".ports",
            "Clock": ".clock",
            "ConversingSession": ".ports",
            "Dialect": ".sessions.openai_dialects",
            "DrivenMessage": ".driven_speech",
            "DrivenSpeech": ".driven_speech",
            "Driver": ".driver",
            "EffectListener": ".telling",
            "EmbedderFailed": ".changes",
            "LiveTrace": ".live_trace",
            "LoopClock": ".clock",
            "MessageStateChanged": ".changes",
            "OpenAIRealtimeSession": ".sessions.openai_realtime",
            "PlayingSession": ".ports",
            "Reconnection": ".sessions.reconnection",
            "RestorableSession": ".ports",
            "Session": ".ports",
            "SessionReceiver": ".ports",
            "SpeechStateChanged": ".changes",
            "ToolCall": ".sessions.tool_calls",
            "TraceFile": ".trace_file",
            "VirtualClock": ".clock",
        },
    )

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "AudioFormat",
    "AudioFormatError",
    "AudioOutput",
    "Change",
    "ChangeListener",
    "CheckingSession",
    "Clock",
    "ConversingSession",
    "Dialect",
    "DrivenMessage",
    "DrivenSpeech",
    "Driver",
    "EffectListener",
    "EmbedderFailed",
    "LiveTrace",
    "LoopClock",
    "MessageStateChanged",
    "OpenAIRealtimeSession",
    "PlayingSession",
    "Reconnection",
    "RestorableSession",
    "Session",
    "SessionReceiver",
    "SpeechStateChanged",
    "ToolCall",
    "TraceFile",
    "VirtualClock",
]
