"""The messages of a server's responses while they are built: what comes of each, and what that means."""

from __future__ import annotations

from speech_lifecycle.fsm.events import SessionMessageAdded, SessionMessageEnded, SessionTextReceived

from ..ports import SessionReceiver
from .incoming_audio import IncomingAudio
from .openai_beginnings import ResponseBeginnings
from .openai_client_events import ClientEvents
from .openai_contents import Contents
from .openai_items import Conversation, OutputItem
from .openai_responses import OpenResponse, OpenResponses

OLDER_NAMES = {
    "response.audio.delta": "response.output_audio.delta",
    "response.audio_transcript.delta": "response.output_audio_transcript.delta",
    "response.audio_transcript.done": "response.output_audio_transcript.done",
    "response.text.delta": "response.output_text.delta",
    "response.text.done": "response.output_text.done",
    "conversation.item.created": "conversation.item.added",
}
_OF_WRITTEN_TEXT = frozenset({"response.output_text.delta", "response.output_text.done"})


class OutputMessages:
    """Those of responses that have not ended."""

    def __init__(
        self,
        receiver: SessionReceiver,
        client: ClientEvents,
        conversation: Conversation,
        responses: OpenResponses,
        beginnings: ResponseBeginnings,
        audio: IncomingAudio,
    ) -> None:
        """Tell the receiver of them, by the names that the client has for them."""
        self._receiver = receiver
        self._client = client
        self._conversation = conversation
        self._responses = responses
        self._beginnings = beginnings
        self._audio = audio
        self.open: dict[str, OutputItem] = {}
        """By the ids of the server."""

    def receive_audio(self, item_id: str, item: OutputItem | None, data: bytes, index: int | None) -> None:
        """Deliver audio of a message, None for one that is over, in the form that is expected of it."""
        whole = self._audio.decode(item_id, data, self._audio.said if item is None else item.audio_format)
        if not whole:
            return
        if item is not None:
            index = item.add_audio(index, len(whole))
            item.text(index).has_sounded = True
            if index:
                self._conversation.note_audio(item_id, item.audio_runs)
            self.announce(item_id, item)
        self._receiver.deliver_audio(self._client.message_ids.name_of(item_id), whole)

    def receive_text(self, item_id: str, item: OutputItem | None, words: str, index: int) -> None:
        """Report a piece of a part's text."""
        self.report_text(item_id, item, words if item is None else item.text(index).take(words))

    def report_text(self, item_id: str, item: OutputItem | None, words: str) -> None:
        """Report text of a message, if it is any."""
        if not words:
            return
        if item is not None:
            self.announce(item_id, item)
        self._receiver.report(SessionTextReceived(self._client.message_ids.name_of(item_id), words))

    def drop(self, item_id: str, item: OutputItem) -> None:
        """Expect nothing more of a message."""
        self._audio.forget(item_id)
        self._client.former.note(self._client.message_ids.name_of(item_id), item.whole_text)
        del self.open[item_id]

    def receive_rest(self, item_id: str, item: OutputItem, contents: Contents) -> None:
        """Report what the parts of a message say at its end and did not say before."""
        item.modalities = item.modalities or contents.modalities
        for index, whole in contents.texts.items():
            self.report_text(item_id, item, item.text(index).take_whole(whole))

    def item(self, item_id: str, response_id: str, content: str = "", *, is_listed: bool = False) -> OutputItem | None:
        """Return a message that is being built. Some servers do not say that one begins (N8).

        `content` is the event that has something of it, if one has. What is only listed by the end of a response, or
        names none, begins no message by an id that another has had.
        """
        item = self.open.get(item_id)
        if item is None and not ((is_listed or not response_id) and self._client.message_ids.is_known(item_id)):
            response_id = response_id or self._responses.only
            self._beginnings.note(response_id, item_id)
            item = self.begin(item_id, response_id) if response_id in self._responses else None
        if item is not None and content and not item.is_announced:
            if present_name(content) not in _OF_WRITTEN_TEXT:
                item.modalities = ("audio",)
            elif item.modalities is None:
                item.modalities = ("text",)
        return item

    def begin(self, item_id: str, response_id: str) -> OutputItem:
        """Begin a message, under a name of its own if another has had its id."""
        response = self._responses.get(response_id) or OpenResponse(None, self._audio.said)
        if response_id in self._responses or not self._client.message_ids.is_known(item_id):
            self._client.message_ids.begin(item_id)
        item = self.open[item_id] = OutputItem(response_id, response.modalities, response.audio_format)
        return item

    def announce(self, item_id: str, item: OutputItem) -> None:
        """Report that there is a message, if that was not reported."""
        if not item.is_announced:
            item.is_announced = True
            message_id = self._client.message_ids.name_of(item_id)
            response_id = self._client.response_ids.name_of(item.response_id)
            self._receiver.report(SessionMessageAdded(response_id, message_id, item.modalities or ("audio",)))

    def end(self, item_id: str, item: OutputItem) -> None:
        """Report that a message has ended, if that was not reported."""
        if not item.has_ended:
            item.has_ended = True
            self.announce(item_id, item)
            self._receiver.report(SessionMessageEnded(self._client.message_ids.name_of(item_id)))


def present_name(name: str) -> str:
    """Return what an event is called now."""
    return OLDER_NAMES.get(name, name)


def is_its_name(item: OutputItem, name: str) -> bool:
    """Whether this kind of event comes under this name: the first that it came under. The other is a copy (N18)."""
    return item.names.setdefault(present_name(name), name) == name
