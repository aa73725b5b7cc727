"""How the responses of an OpenAI Realtime server begin: announced, or with the first sign of them (N8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from speech_lifecycle.fsm.events import SessionResponseCreated

from ..ports import SessionReceiver
from .fields import metadata_entry
from .incoming_audio import IncomingAudio
from .openai_client_events import ClientEvents
from .openai_contents import Contents, modalities_of
from .openai_responses import OpenResponse, OpenResponses
from .response_options import SPEECH_ID_KEY
from .user_turn import UserTurn


class ResponseBeginnings:
    """Reports each response when it begins, with the speech that asked for it."""

    def __init__(
        self,
        receiver: SessionReceiver,
        client: ClientEvents,
        responses: OpenResponses,
        audio: IncomingAudio,
        user_turn: UserTurn,
    ) -> None:
        """Report to the receiver, and remember among `responses` what has begun."""
        self._receiver = receiver
        self._client = client
        self._responses = responses
        self._audio = audio
        self._user_turn = user_turn

    def announce(self, response_id: str, response: Mapping[str, Any]) -> None:
        """Begin a response that the server announces, if it has not begun: by something of it, or announced before.

        Raises:
            FieldError: a field is unusable; nothing was changed.
        """
        asked_by = metadata_entry(response, SPEECH_ID_KEY)
        begun = OpenResponse(modalities_of(response), self._audio.format_in(response))
        self._client.dialect = replace(self._client.dialect, announces_responses=True)
        if response_id not in self._responses:
            self._begin(response_id, response, asked_by, begun)

    def note(self, response_id: str, item_id: str = "", response: Mapping[str, Any] | None = None) -> None:
        """Begin the response that something comes of, if no event said that it begins.

        What comes of one that is over does not begin it anew, unless this server is known to announce none and
        somebody waits: then it may have used the id again, on one connection if it did not use that of the item too.
        """
        if not response_id or response_id in self._responses:
            return
        if self._client.response_ids.is_known(response_id) and (
            self._client.dialect.announces_responses
            or self._client.requests.next_in_order() is None
            or (self._responses.has_ended(response_id) and self._client.message_ids.is_known(item_id))
        ):
            return
        said = response or {}
        begun = OpenResponse(modalities_of(said), self._audio.format_in(said))
        self._client.dialect = replace(self._client.dialect, announces_responses=False)
        self._begin(response_id, said, metadata_entry(said, SPEECH_ID_KEY), begun)

    def note_whole(self, response_id: str, response: Mapping[str, Any], outputs: Mapping[str, Contents]) -> None:
        """Begin a response of which nothing came before its end. One that says nothing must be waited for."""
        is_awaited = metadata_entry(response, SPEECH_ID_KEY) or (
            not self._client.brings_metadata_back(response) and self._client.requests.next_in_order()
        )
        if outputs or is_awaited:
            self.note(response_id, next(iter(outputs), ""), response)

    def _begin(self, response_id: str, response: Mapping[str, Any], asked_by: str | None, begun: OpenResponse) -> None:
        self._client.response_ids.begin(response_id)
        self._responses.begin(response_id, begun)
        is_out_of_band = "conversation_id" in response and response["conversation_id"] is None
        if asked_by is None and not is_out_of_band and not self._client.brings_metadata_back(response):
            asked_by = self._client.requests.next_in_order()
        if "conversation_id" not in response:
            is_out_of_band = self._client.requests.is_out_of_band(asked_by)
        if self._client.requests.answered(asked_by) and not is_out_of_band:
            self._user_turn.answer()
        name = self._client.response_ids.name_of(response_id)
        created = SessionResponseCreated(name, asked_by or "", is_out_of_band=is_out_of_band)
        self._receiver.report(created, speech_id=asked_by)
