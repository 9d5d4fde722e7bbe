"""Sends messages of all kinds and sizes, and compares the echoes."""

import asyncio
import json
import sys

import websockets
from payloads import deflate_samples
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory


async def main(url, bits, takeover, sizes):
    deflate = ClientPerMessageDeflateFactory(
        server_no_context_takeover=not takeover,
        client_no_context_takeover=not takeover,
        server_max_window_bits=bits,
        client_max_window_bits=bits,
    )
    async with websockets.connect(
        url, compression=None, extensions=[deflate], max_size=None
    ) as ws:
        assert ws.extensions
        for data in deflate_samples(sizes):
            await ws.send(data)
            assert await ws.recv() == data, len(data)
            half = len(data) // 2
            await ws.send([data[:half], data[half:]])
            assert await ws.recv() == data, len(data)
    print("done", flush=True)


url, bits, takeover, sizes = sys.argv[1:]
asyncio.run(main(url, int(bits), takeover == "true", json.loads(sizes)))
