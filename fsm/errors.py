"""The one base of everything that this package raises by itself."""


class SpeechLifecycleError(Exception):
    """Something from outside cannot be used: a file, data, a command, a chart. The message says what, and where.

    What the machine does not like about an event is no exception but a reply: `Ignored` or `Rejected`.
    """
