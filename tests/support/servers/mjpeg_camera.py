"""A camera as a process: MJPEG over HTTP at every path, over and over, to everybody who asks.
`python -m tests.support.servers.mjpeg_camera PORT`. Prints its port."""

import asyncio
import sys
from itertools import cycle

from tests.support.videos.live import jpegs, multipart

_PICTURES_PER_SECOND = 5


async def serve(port: int) -> None:
    pieces = multipart(jpegs(20))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=frame\r\n\r\n")
            for piece in cycle(pieces):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(1 / _PICTURES_PER_SECOND)
        except (ConnectionError, asyncio.IncompleteReadError):  # whoever asked has gone
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
