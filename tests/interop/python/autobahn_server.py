"""The server of ../own_server.ts, by autobahn; prints its port."""

import asyncio
import re
import sys

from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import PerMessageDeflateOfferAccept

CLOSE = re.compile(r"close (\d+) (.*)")


async def main(bits, takeover):
    ends = asyncio.Queue()

    class Echo(WebSocketServerProtocol):
        def onConnect(self, request):
            self.path = request.path
            return "b" if "b" in request.protocols else None

        async def onOpen(self):
            if self.path == "/last":
                self.sendMessage((await ends.get()).encode())
            if self.path == "/pings":
                self.sendPing(b"knock")

        def onMessage(self, payload, isBinary):
            start = payload[:200].decode(errors="ignore")
            close = not isBinary and CLOSE.fullmatch(start)
            if close:
                self.sendClose(int(close[1]), close[2])
            else:
                size = 1000 if self.path == "/fragments" else None
                self.sendMessage(payload, isBinary, fragmentSize=size)

        def onClose(self, wasClean, code, reason):
            if self.path == "/told":
                ends.put_nowait(f"{code} {reason or ''}")

    def accept(offers):
        return PerMessageDeflateOfferAccept(
            offers[0],
            request_no_context_takeover=not takeover,
            request_max_window_bits=0 if bits == 15 else bits,
            no_context_takeover=None if takeover else True,
            window_bits=bits,
        )

    factory = WebSocketServerFactory()
    factory.protocol = Echo
    factory.setProtocolOptions(perMessageCompressionAccept=accept)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main(int(sys.argv[1]), sys.argv[2] == "true"))
