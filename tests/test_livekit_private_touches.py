"""Where the watch relies on more than LiveKit's public interface. Each is checked on the version named in versions.py.

If a test here fails, LiveKit has changed what the watch relies on: look at the place named, then at the figure.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from livekit import rtc
from livekit.agents import llm
from livekit.agents.voice import agent_activity, generation, io
from livekit.plugins import openai

from speech_lifecycle.adapters.livekit_agents.watch.output import WatchedOutput
from speech_lifecycle.adapters.livekit_agents.watched_model import WatchedRealtimeModel, WatchedRealtimeSession

PACKAGE = Path(__file__).parent.parent / "adapters" / "livekit_agents"


class SilentOutput(io.AudioOutput):
    def __init__(self) -> None:
        super().__init__(label="silent", capabilities=io.AudioOutputCapabilities(pause=False))

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)

    def flush(self) -> None:
        super().flush()

    def clear_buffer(self) -> None:
        pass


def test_the_label_of_a_model_is_kept_in_a_private_attribute() -> None:
    """watch/model.py sets `_label`: the framework reads it past the property that would be public."""
    model = openai.realtime.RealtimeModel(api_key="simulated")
    assert WatchedRealtimeModel(model)._label == model._label == model.label


def test_nothing_else_of_livekits_is_touched_that_is_private() -> None:
    """Names with an underscore that the watch uses on other objects than its own."""
    foreign = re.compile(r"(?<!self)(?<!cls)\.(_[a-z]\w*)")
    touched = {
        f"{path.name}:{name}"
        for path in PACKAGE.rglob("*.py")
        for name in foreign.findall(path.read_text(encoding="utf-8"))
        if not name.startswith("__")
    }
    assert touched == set()


def test_the_wrappers_attributes_are_their_own() -> None:
    """A name of ours that LiveKit begins to use for itself would break both."""
    plain_model = llm.RealtimeModel(capabilities=openai.realtime.RealtimeModel(api_key="simulated").capabilities)
    pairs = (
        (WatchedOutput, set(vars(SilentOutput()))),
        (WatchedRealtimeModel, set(vars(plain_model))),
        (WatchedRealtimeSession, {"_events", "_realtime_model"}),
    )
    for wrapper, of_the_base in pairs:
        source = inspect.getsource(wrapper.__init__)
        own = set(re.findall(r"self\.(\w+)(?::[^=]+)? = ", source)) - {"_label"}
        assert own
        assert own.isdisjoint(of_the_base), wrapper


def test_a_realtime_session_has_no_other_abstract_methods() -> None:
    """watch/model.py delegates each of them."""
    assert llm.RealtimeSession.__abstractmethods__ == {
        "aclose",
        "chat_ctx",
        "clear_audio",
        "commit_audio",
        "generate_reply",
        "interrupt",
        "push_audio",
        "push_video",
        "tools",
        "truncate",
        "update_chat_ctx",
        "update_instructions",
        "update_options",
        "update_tools",
    }


def test_the_requested_generation_is_the_event_that_was_emitted() -> None:
    """watch/generations.py changes the event's streams, and relies on `generate_reply` returning the same object."""
    source = inspect.getsource(openai.realtime.RealtimeSession._handle_response_created)
    assert source.index("fut.set_result(generation_ev)") < source.index(
        'self.emit("generation_created", generation_ev)'
    )


def test_a_speech_is_announced_while_its_generation_is() -> None:
    """watch/framework.py takes the `speech_created` that falls into `generation_created` for that response's speech."""
    source = inspect.getsource(agent_activity.AgentActivity._on_generation_created)
    assert '"speech_created"' in source
    assert not inspect.iscoroutinefunction(agent_activity.AgentActivity._on_generation_created)


def test_the_framework_reads_one_messages_audio_after_the_other() -> None:
    """watch/forwarding.py takes captured audio for the message whose stream was read last."""
    source = inspect.getsource(agent_activity.AgentActivity._realtime_generation_task_impl)
    assert "entry = await _process_one_message(msg)" in source


def test_an_interrupted_speech_waits_for_the_outputs_finish() -> None:
    """watch/output.py ends that wait with what the lifecycle says."""
    source = inspect.getsource(generation.forward_generation)
    assert source.index("audio_output.clear_buffer()") < source.index("await audio_output.wait_for_playout()")
