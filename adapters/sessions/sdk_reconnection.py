"""The reconnection of the `openai` SDK itself, which it does for those who iterate over its connection.

A session reads raw frames, because parsing every delta into the SDK's models takes longer than all the rest. So it asks
for the same reconnection by the same method, which is not public (tests/test_sdk_reconnection.py runs the real one).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openai.resources.realtime.realtime import AsyncRealtimeConnection
    from websockets.exceptions import ConnectionClosed


def connects_again(connection: AsyncRealtimeConnection) -> bool:
    """Whether the SDK was told to connect again, by `on_reconnecting`. Older ones cannot."""
    return getattr(connection, "_on_reconnecting", None) is not None and hasattr(connection, "_reconnect")


async def connected_again(connection: AsyncRealtimeConnection, closed: ConnectionClosed) -> bool:
    """Have the SDK connect again, if it was told to; whether the connection is open again."""
    from websockets.exceptions import ConnectionClosedError

    if not connects_again(connection):
        return False
    # Older ones of the SDK read the code of a closing from this kind of error only.
    error = ConnectionClosedError(closed.rcvd, closed.sent, closed.rcvd_then_sent)
    return bool(await connection._reconnect(error))
