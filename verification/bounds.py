"""How large a speech the explorer looks at: what is bounded, and why nothing a guard can see is lost by it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from speech_lifecycle.fsm.values import Capabilities, Modality, Policy

Mode = Literal["hostile", "faithful"]
Detail = Literal["minimal", "coarse", "fine"]
Fault = Literal[
    "cleared_outside",
    "ran_dry",
    "disobeys",
    "output_failed",
    "mute_finish",
    "wrong_position",
    "duplicate",
    "refused",
    "unanswered",
    "counts_less",
    "session_lost",
    "response_failed",
]

Options = tuple[Capabilities, Policy]

RESPONSE_ID = "r"
FOREIGN = "foreign"
"""The id of a response or message that this speech knows nothing of."""
WORDS = "one two "
"""What a message's text grows by."""
FRAME_MS = 20

DEFAULT: Options = (Capabilities(), Policy(frame_ms=FRAME_MS))


def _options(interruptible: bool = True, estimate: bool = False, **capabilities: bool) -> Options:
    return (
        Capabilities(**capabilities),
        Policy(interruptible=interruptible, estimate_heard_text=estimate, frame_ms=FRAME_MS),
    )


UNCHANGEABLE = _options(can_truncate=False, can_remove=False)
"""A server whose memory nobody can change."""

EVERY_OPTION: tuple[Options, ...] = (
    DEFAULT,
    _options(can_truncate=False),
    _options(can_remove=False),
    UNCHANGEABLE,
    _options(truncates_by_itself=True),
    _options(plays_audio=False, can_pause=False),
    _options(plays_audio=False, can_pause=False, can_remove=False),
    _options(shows_text=False),
    _options(shows_text=False, can_remove=False),
    _options(can_pause=False),
    _options(interruptible=False),
    _options(estimate=True),
)
"""Every combination of capabilities and policy that can make a difference.

`can_truncate`, `can_remove` and `truncates_by_itself` are read only when the server is brought in line. There,
truncation and removal concern different messages and meet only in what is awaited: nothing, if both are missing,
which is a combination of its own. A server that truncates by itself is never asked to, so `can_truncate` says
nothing then. Without an audio output nothing is truncated and nothing can pause. `can_pause` and `interruptible`
each turn one transition off, and the estimate changes one text: alone they show all they do. Durations are only
passed on.
"""


@dataclass(frozen=True)
class Bounds:
    """What one exploration covers.

    Amounts of audio come in the classes that guards can tell apart: nothing, part, all, and for positions
    also all but one frame, beyond the end, and no usable number. Ids carry no meaning, so messages are announced
    in the order of their names.
    """

    mode: Mode = "hostile"
    """`hostile`: any event at any time. `faithful`: only what a world with faults can bring about."""
    messages: int = 1
    """How many messages the response has, 0 to 3."""
    detail: Detail = "coarse"
    """How many classes of arguments there are.

    `fine` has every class of position and number, `coarse` one place to cut a message: where the first of two parts
    of its audio ends. `minimal` leaves out whatever is answered without a look at its arguments, and repetitions.
    """
    audio_parts: int = 1
    """In how many parts, 1 or 2, the audio of a message arrives."""
    modalities: tuple[tuple[Modality, ...], ...] = (("audio",), ("text",))
    """What a message may be announced with."""
    texts: int = 1
    """How many times a message's text may grow: guards see whether there is any, records how much."""
    options: tuple[Options, ...] = (DEFAULT,)
    """The capabilities and policies to begin with."""
    faults: int = 1
    """How many faults may happen in one faithful speech."""
    fault_kinds: tuple[Fault, ...] = get_args(Fault)
    """Which faults may happen."""
    out_of_band: bool = False
    """Whether responses stand beside the conversation (`conversation: none`)."""

    def __post_init__(self) -> None:
        if self.mode not in ("hostile", "faithful"):
            raise ValueError(f"Bounds.mode must be 'hostile' or 'faithful', not {self.mode!r}")
        if not 0 <= self.messages <= 3:
            raise ValueError(f"Bounds.messages must be 0 to 3, not {self.messages!r}")
        if self.detail not in get_args(Detail):
            raise ValueError(f"Bounds.detail must be one of {', '.join(get_args(Detail))}, not {self.detail!r}")
        if self.audio_parts not in (1, 2):
            raise ValueError(f"Bounds.audio_parts must be 1 or 2, not {self.audio_parts!r}")
        if not self.options:
            raise ValueError("Bounds.options must hold at least one combination of capabilities and policy")

    @property
    def message_ids(self) -> tuple[str, ...]:
        """The ids of the messages, in the order of their announcement."""
        return tuple("abc"[: self.messages])

    @property
    def audio_ms(self) -> tuple[int, ...]:
        """The totals at which the audio of a message may stand."""
        return (60, 100)[-self.audio_parts :]

    @property
    def positions_ms(self) -> tuple[int, ...]:
        """Where playback of a message may stand, above 0: a part, all but one frame, all; of each total."""
        if self.detail != "fine":
            return (60, 100)
        return (30, *(ms for total in self.audio_ms for ms in (total - FRAME_MS, total)))

    @property
    def summary(self) -> str:
        """What is covered, in words."""
        said = [
            f"{self.mode}, {self.messages} message{'' if self.messages == 1 else 's'}"
            f" of {' or '.join(' and '.join(each) for each in self.modalities)}",
            f"{self.detail} classes",
            f"audio in {self.audio_parts} part{'' if self.audio_parts == 1 else 's'}",
            f"{self.texts} text{'' if self.texts == 1 else 's'} each",
        ]
        if self.mode == "faithful":
            said.append(f"{self.faults} fault{'' if self.faults == 1 else 's'}")
        if self.out_of_band:
            said.append("out of band")
        if len(self.options) > 1:
            said.append(f"{len(self.options)} combinations of capabilities and policy")
        return ", ".join(said)

    def with_every_option(self) -> Bounds:
        """Return these bounds over every combination of capabilities and policy."""
        return replace(self, options=EVERY_OPTION)


_AUDIO: tuple[tuple[Modality, ...], ...] = (("audio",),)
_TEXT: tuple[tuple[Modality, ...], ...] = (("text",),)

SMALL: dict[str, Bounds] = {
    "hostile-1": Bounds("hostile", 1, "coarse"),
    "hostile-1-parts": Bounds("hostile", 1, "minimal", 2, texts=2, options=(DEFAULT, UNCHANGEABLE)),
    "hostile-1-options": Bounds("hostile", 1, "minimal").with_every_option(),
    "hostile-2": Bounds("hostile", 2, "minimal", modalities=_AUDIO, texts=0),
    "hostile-1-out-of-band": Bounds("hostile", 1, "minimal", out_of_band=True),
    "faithful-1": Bounds("faithful", 1),
    "faithful-1-options": Bounds("faithful", 1, faults=0).with_every_option(),
    "faithful-2": Bounds("faithful", 2, audio_parts=2, modalities=_AUDIO, texts=0, faults=0),
    "faithful-2-text": Bounds("faithful", 2, modalities=_TEXT, texts=2, faults=0).with_every_option(),
}
"""Explorations that take seconds."""

LARGE: dict[str, Bounds] = {
    "hostile-1-fine": Bounds("hostile", 1, "fine", 2, texts=2),
    "hostile-1-coarse-options": Bounds("hostile", 1, "coarse").with_every_option(),
    "hostile-2-coarse": Bounds("hostile", 2, "coarse", modalities=_AUDIO),
    "hostile-3": Bounds("hostile", 3, "minimal", modalities=_AUDIO, texts=0),
    "faithful-1-fine": Bounds("faithful", 1, "fine", 2),
    "faithful-1-fault-options": Bounds("faithful", 1).with_every_option(),
    "faithful-2-fault": Bounds("faithful", 2, modalities=_AUDIO, texts=0),
    "faithful-3": Bounds("faithful", 3, modalities=_AUDIO, texts=0, faults=0),
}
"""Explorations that take minutes."""

REFERENCE: dict[str, Bounds] = {
    "hostile-1-parts": SMALL["hostile-1-parts"],
    "hostile-1-options": SMALL["hostile-1-options"],
    "hostile-1": SMALL["hostile-1"],
    "hostile-2": SMALL["hostile-2"],
}
"""Where the compiled table is compared with python-statemachine's engine."""
