"""The server of ../own_server.ts, by websockets; prints its port."""

import asyncio
import re
import sys

import websockets
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

CLOSE = re.compile(r"close (\d+) (.*)")


async def main(bits, takeover):
    ends = asyncio.Queue()

    async def echo(ws, path):
        if path == "/last":
            await ws.send(await ends.get())
        if path == "/pings":
            await ws.ping("knock")
        try:
            async for message in ws:
                close = isinstance(message, str) and CLOSE.fullmatch(message[:200])
                if close:
                    await ws.close(int(close[1]), close[2])
                elif path == "/fragments":
                    pieces = range(0, max(1, len(message)), 1000)
                    await ws.send([message[i : i + 1000] for i in pieces])
                else:
                    await ws.send(message)
        except websockets.ConnectionClosedError:
            pass
        if path == "/told":
            await ends.put(f"{ws.close_code} {ws.close_reason}")

    deflate = ServerPerMessageDeflateFactory(
        server_no_context_takeover=not takeover,
        client_no_context_takeover=not takeover,
        server_max_window_bits=bits,
        client_max_window_bits=bits,
    )
    server = await websockets.serve(
        echo,
        "127.0.0.1",
        0,
        subprotocols=["b"],
        compression=None,
        extensions=[deflate],
        max_size=None,
    )
    print(list(server.sockets)[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main(int(sys.argv[1]), sys.argv[2] == "true"))
