"""Sends messages of all kinds and sizes, and compares the echoes."""

import asyncio
import json
import sys

from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateResponseAccept,
)
from payloads import deflate_samples


async def main(url, bits, takeover, sizes):
    loop = asyncio.get_running_loop()
    messages = asyncio.Queue()
    ended = loop.create_future()

    class Client(WebSocketClientProtocol):
        async def onOpen(self):
            assert self.websocket_extensions_in_use
            for data in deflate_samples(sizes):
                binary = isinstance(data, bytes)
                payload = data if binary else data.encode()
                for size in [None, len(payload) // 2 + 1]:
                    self.sendMessage(payload, binary, fragmentSize=size)
                    assert await messages.get() == (payload, binary), len(payload)
            self.sendClose(1000)

        def onMessage(self, payload, isBinary):
            messages.put_nowait((payload, isBinary))

        def onClose(self, wasClean, code, reason):
            ended.set_result("done" if wasClean and code == 1000 else reason)

    def accept(response):
        return PerMessageDeflateResponseAccept(
            response,
            no_context_takeover=None if takeover else True,
            window_bits=bits,
        )

    factory = WebSocketClientFactory(url)
    factory.protocol = Client
    offer = PerMessageDeflateOffer(
        accept_no_context_takeover=True,
        accept_max_window_bits=True,
        request_no_context_takeover=not takeover,
        request_max_window_bits=bits,
    )
    factory.setProtocolOptions(
        # It rounds times to seconds: a second is any time up to one.
        openHandshakeTimeout=0,
        closeHandshakeTimeout=0,
        serverConnectionDropTimeout=0,
        perMessageCompressionOffers=[offer],
        perMessageCompressionAccept=accept,
    )
    await loop.create_connection(factory, factory.host, factory.port)
    print(await ended, flush=True)


url, bits, takeover, sizes = sys.argv[1:]
asyncio.run(main(url, int(bits), takeover == "true", json.loads(sizes)))
