"""The far ends of benchmarks/outputs.py, each in a process of its own: a page, a carrier, a peer, many carriers."""

from __future__ import annotations

import asyncio
import json
import sys

RATE = 24_000


async def page(address: str) -> None:
    """Play as a page does: say twenty times a second how much of what came was heard."""
    import aiohttp

    origin = address.rstrip("/")
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"{address}socket?key={'k' * 20}", headers={"Origin": origin}, max_msg_size=0) as socket,
    ):
        await socket.send_str(json.dumps({"event": "state", "state": "running"}))
        taken, number, heard = 0, 0, 0

        async def tell() -> None:
            nonlocal heard
            while True:
                await asyncio.sleep(0.05)
                if taken > heard:
                    heard = min(taken, heard + RATE // 20)
                    await socket.send_str(json.dumps({"event": "heard", "message": number, "samples": heard}))

        telling = asyncio.ensure_future(tell())
        async for message in socket:
            if message.type == aiohttp.WSMsgType.BINARY:
                number = int.from_bytes(message.data[:4], "little")
                taken += (len(message.data) - 4) // 2
        telling.cancel()


async def carrier(address: str) -> None:
    """Play as Twilio does."""
    from speech_lifecycle.simulation.simulated_carrier import SimulatedCarrier

    async with SimulatedCarrier(address):
        await asyncio.Event().wait()


async def peer(address: str) -> None:
    """Be a page that speaks WebRTC: say twenty times a second what was given out last."""
    import aiohttp
    from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

    connection = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
    connection.addTransceiver("audio", direction="recvonly")
    channel = connection.createDataChannel("speech")
    tracks: asyncio.Queue = asyncio.Queue()
    connection.on("track", tracks.put_nowait)
    await connection.setLocalDescription(await connection.createOffer())
    offer = {"type": connection.localDescription.type, "sdp": connection.localDescription.sdp}
    async with (
        aiohttp.ClientSession(headers={"Origin": address.rstrip("/")}) as client,
        client.post(f"{address}offer", json=offer) as answer,
    ):
        await connection.setRemoteDescription(RTCSessionDescription(**await answer.json()))
    track = await tracks.get()
    # aiortc counts from the first timestamp that it saw, and keeps that to itself.
    mapper = connection.getTransceivers()[0].receiver._RTCRtpReceiver__timestamp_mapper
    count = 0
    while True:
        frame = await track.recv()
        count += 1
        if count % 5 == 0 and channel.readyState == "open":
            for _ in range(2):  # a frame is 20 ms
                channel.send(json.dumps({"event": "heard", "timestamp": (frame.pts + mapper._origin) % 2**32}))


async def carriers(address: str, count: str) -> None:
    """Be many callers, each of whom plays what comes in real time and acknowledges it; say how late it came."""
    from websockets.asyncio.client import connect

    loop = asyncio.get_running_loop()
    late_ms: list[float] = []

    async def call(number: int) -> None:
        async with connect(address, compression=None, max_queue=None) as socket:
            await socket.send('{"event": "connected"}')
            start = {"streamSid": "MZ1", "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000}}
            await socket.send(json.dumps({"event": "start", "streamSid": "MZ1", "start": start}))
            free_s = 0.0
            async for frame in socket:
                if '"media"' in frame:
                    now_s = loop.time()
                    late_ms.append(max(0.0, now_s - free_s) * 1000 if free_s else 0.0)
                    payload = json.loads(frame)["media"]["payload"]
                    free_s = max(free_s, now_s) + len(payload) * 3 // 4 / 8_000
                elif '"mark"' in frame:
                    loop.call_at(free_s, lambda said=frame: asyncio.ensure_future(socket.send(said)))

    tasks = [asyncio.ensure_future(call(number)) for number in range(int(count))]
    await asyncio.to_thread(sys.stdin.readline)
    for task in tasks:
        task.cancel()
    late = sum(each > 0 for each in late_ms)
    print(f"{len(late_ms)} frames, {late} late, the latest by {max(late_ms, default=0):.0f} ms", flush=True)


if __name__ == "__main__":
    asyncio.run({"page": page, "carrier": carrier, "peer": peer, "carriers": carriers}[sys.argv[1]](*sys.argv[2:]))
