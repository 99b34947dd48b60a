"""The path of an OGG file in, what is wrong with its pages out.

Decoders of OGG skip what is damaged and stop where a file was cut, both without a word.
Each page tells its length and a checksum, and the last one that it is the last.
"""

import os
import re
import zlib
from typing import Literal

Fault = Literal["cut", "damaged", ""]

# the mark alone also stands in compressed sound, once in some ten thousand files
START = re.compile(rb"OggS\x00[\x00-\x07]")
HEADER = 27  # bytes, before the table of the segments
LARGEST = HEADER + 255 + 255 * 255
LAST = 4  # flag of the last page of a stream
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def find_fault(path: str, *, whole: bool) -> Fault:
    """Look for what is cut or damaged, in the whole file or only at its end."""
    with open(path, "rb") as file:
        if not whole:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LARGEST))
        content = file.read()
    starts = [found.start() for found in START.finditer(content)]
    if not starts:  # behind the pages is a long tag, or the format is another one
        return ""
    return _follow(content, starts[0] if whole else starts[-1])


def _follow(content: bytes, start: int) -> Fault:
    """Go from page to page; what comes behind the last one, such as a tag, may be."""
    is_last = False
    while START.match(content, start):
        n_segments = int.from_bytes(content[start + HEADER - 1 : start + HEADER])
        body = start + HEADER + n_segments
        end = body + sum(content[start + HEADER : body])
        if body > len(content) or end > len(content):
            return "cut"
        if not _is_intact(content[start:end]):
            return "damaged"
        is_last = bool(content[start + 5] & LAST)
        start = end
    if is_last:
        return ""
    return "damaged" if START.search(content, start) else "cut"


def _is_intact(page: bytes) -> bool:
    # the checksum of zlib is the same polynomial with the bits in reverse
    without = page[:22] + bytes(4) + page[26:]
    checksum = zlib.crc32(without.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return page[22:26].translate(REVERSED) == checksum.to_bytes(4, "big")
