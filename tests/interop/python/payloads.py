"""What ../payloads.ts has, for the programs beside."""

import os
import zlib


def noise():
    x = 1
    for _ in range(20011):
        x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
        yield x >> 24


NOISE = bytes(noise())


def bytes_of(size):
    return (NOISE * (size // len(NOISE) + 1))[:size]


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
