"""The exercise of ../exercise.ts, by websockets; prints what it has seen."""

import asyncio
import json
import sys
from urllib.parse import urlencode

import websockets
from payloads import bytes_of, digest, text_of

plan = json.loads(sys.argv[1])


def connect(path):
    url, protocols = plan["url"] + path, ["c", "b", "a"]
    return websockets.connect(url, subprotocols=protocols, max_size=None)


def end(ws):
    clean = "not clean" if ws.close_code == 1006 else "clean"
    return f"{ws.close_code} {ws.close_reason} {clean}"


def pieces(message):
    size = len(message) // 20 + 1
    return [message[i : i + size] for i in range(0, max(1, len(message)), size)]


async def echoes(path, large):
    back = []
    async with connect(path) as ws:
        for size in plan["sizes"]:
            # The echo's messages go whole, the others in fragments.
            for message in [text_of(size), bytes_of(size)]:
                await ws.send(message if path == "/" else pieces(message))
            back += [digest(await ws.recv()), digest(await ws.recv())]
        await ws.send(bytes_of(large))
        back.append(digest(await ws.recv()))
    return back


async def main():
    seen = {}
    async with connect("/") as ws:
        seen["protocol"] = ws.subprotocol
        seen["extension"] = ws.extensions[0].name if ws.extensions else ""
    seen["echoed"] = await echoes("/", plan["large"])
    seen["pieced"] = await echoes("/fragments", 0)

    seen["pings"] = []
    async with connect("/pings") as ws:
        seen["pings"].append(await ws.recv())
        pong = await ws.ping("from the client")
        seen["pings"].append(await ws.recv())
        await pong

    seen["own"] = []
    for code, reason in plan["own"]:
        async with connect("/own") as ws:
            await ws.close(code, reason)
            seen["own"].append(end(ws))
    seen["remote"] = []
    for code, reason in plan["remote"]:
        query = urlencode({"code": code, "reason": reason})
        async with connect("/close?" + query) as ws:
            await ws.wait_closed()
            seen["remote"].append(end(ws))
    print(json.dumps(seen), flush=True)


asyncio.run(main())
