"""The exercise of ../exercise.ts, by autobahn; prints what it has seen."""

import asyncio
import json
import sys
from urllib.parse import urlencode

from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateResponseAccept,
)
from payloads import bytes_of, digest, text_of

plan = json.loads(sys.argv[1])


class Client(WebSocketClientProtocol):
    def onOpen(self):
        self.factory.opened.set_result(self)

    def onMessage(self, payload, isBinary):
        self.factory.messages.put_nowait(payload if isBinary else payload.decode())

    def onPong(self, payload):
        self.factory.pongs.put_nowait(payload)

    def onClose(self, wasClean, code, reason):
        clean = "clean" if wasClean else "not clean"
        self.factory.ended.set_result(f"{code} {reason or ''} {clean}")

    def send(self, message, fragment=None):
        binary = isinstance(message, bytes)
        data = message if binary else message.encode()
        self.sendMessage(data, binary, fragmentSize=fragment)

    async def next(self):
        return await self.factory.messages.get()

    async def close(self, code=1000, reason=""):
        self.sendClose(code, reason)
        return await self.factory.ended


async def connect(path):
    loop = asyncio.get_running_loop()
    factory = WebSocketClientFactory(plan["url"] + path, protocols=["c", "b", "a"])
    factory.protocol = Client
    factory.setProtocolOptions(
        # It rounds times to seconds: a second is any time up to one.
        openHandshakeTimeout=0,
        closeHandshakeTimeout=0,
        serverConnectionDropTimeout=0,
        perMessageCompressionOffers=[PerMessageDeflateOffer()],
        perMessageCompressionAccept=PerMessageDeflateResponseAccept,
    )
    factory.opened = loop.create_future()
    factory.ended = loop.create_future()
    factory.messages = asyncio.Queue()
    factory.pongs = asyncio.Queue()
    await loop.create_connection(factory, factory.host, factory.port)
    return await factory.opened


async def echoes(path, large):
    back = []
    ws = await connect(path)
    for size in plan["sizes"]:
        # The echo's messages go whole, the others in fragments.
        fragment = None if path == "/" else size // 20 + 1
        ws.send(text_of(size), fragment)
        ws.send(bytes_of(size), fragment)
        back += [digest(await ws.next()), digest(await ws.next())]
    ws.send(bytes_of(large))
    back.append(digest(await ws.next()))
    await ws.close()
    return back


async def main():
    seen = {}
    ws = await connect("/")
    seen["protocol"] = ws.websocket_protocol_in_use
    extensions = ws.websocket_extensions_in_use
    seen["extension"] = extensions[0].EXTENSION_NAME if extensions else ""
    await ws.close()
    seen["echoed"] = await echoes("/", plan["large"])
    seen["pieced"] = await echoes("/fragments", 0)

    ws = await connect("/pings")
    seen["pings"] = [await ws.next()]
    ws.sendPing(b"from the client")
    seen["pings"].append(await ws.next())
    assert await ws.factory.pongs.get() == b"from the client"
    await ws.close()

    seen["own"] = []
    for code, reason in plan["own"]:
        ws = await connect("/own")
        seen["own"].append(await ws.close(code, reason))
    seen["remote"] = []
    for code, reason in plan["remote"]:
        ws = await connect("/close?" + urlencode({"code": code, "reason": reason}))
        seen["remote"].append(await ws.factory.ended)
    print(json.dumps(seen), flush=True)


asyncio.run(main())
