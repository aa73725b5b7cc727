"""Whether from every configuration of an exploration a way leads to an end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

OVER, NO_WAY, UNKNOWN = -1, -2, -3
"""In place of a way out: it has ended, none leads on, not gone on from yet."""


def dead_ends(ways_out: Sequence[int], most: int) -> Iterator[tuple[int, str]]:
    """Yield the configurations that have no end, or one too far away, with what is wrong.

    Args:
        ways_out: for each configuration the one that comes next if nobody has anything to say, or one of the above.
        most: how many moves there may be until the end.
    """
    moves_left: dict[int, int] = {}
    for number in range(len(ways_out)):
        way: list[int] = []
        at = number
        while at >= 0 and at not in moves_left and len(way) <= most:
            way.append(at)
            at = ways_out[at]
        if at == NO_WAY:
            yield way[-1], "no timer leads on from here"
        count = moves_left.get(at, -1)
        for each in reversed(way):
            count += 1
            moves_left[each] = count
        if count > most:
            yield number, f"after {most} timers it is not over"
