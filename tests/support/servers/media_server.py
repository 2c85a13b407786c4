"""A process that sends streams over HTTP: `python -m tests.support.servers.media_server FOLDER`. Prints its port.

A file of the folder holds the content type in its first line, then pieces, each after its length (4 bytes). They are
sent as they are, one every 40 ms, and then nothing more on an open connection.
"""

import asyncio
import sys
from pathlib import Path

_PACE_SECONDS = 0.04


def write(path: Path, content_type: str, pieces: list[bytes]) -> None:
    """A file to be served."""
    path.write_bytes(b"".join([content_type.encode(), b"\n", *(len(one).to_bytes(4, "big") + one for one in pieces)]))


def read(path: Path) -> tuple[bytes, list[bytes]]:
    """Content type and pieces."""
    kind, _, rest = path.read_bytes().partition(b"\n")
    pieces = []
    while rest:
        size = int.from_bytes(rest[:4], "big")
        pieces.append(rest[4 : 4 + size])
        rest = rest[4 + size :]
    return kind, pieces


async def serve(folder: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        kind, pieces = read(folder / head.split(b" ")[1].decode().lstrip("/"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in pieces:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(_PACE_SECONDS)
        await reader.read()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
