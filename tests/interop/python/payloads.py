"""What ../payloads.ts has, for the programs beside."""

import os
import zlib


def bytes_of(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def text_of(size):
    return "é" * (size >> 1) + "e" * (size & 1)


def digest(data):
    kind = "text" if isinstance(data, str) else "binary"
    data = data.encode() if isinstance(data, str) else data
    return f"{kind} {len(data)} {zlib.adler32(data)}"


def deflate_samples(sizes):
    """What compresses, what does not, and what repeats what came before."""
    for size in sizes:
        json = ('{"id":1234,"name":"user"},' * (size // 26 + 1))[:size]
        yield from [json, json.encode(), os.urandom(size), json]
