"""A process that serves the videos of a folder over RTSP, each in a loop: `python -m tests.support.servers.rtsp_server
FOLDER [HOST [PORT]]`. Prints its port."""

import asyncio
import sys
from typing import Any

from aio_rtsp_toolkit import server as toolkit


class _Silent:
    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


async def serve(folder: str, host: str = "127.0.0.1", port: str = "0") -> None:
    toolkit.logger = _Silent()
    server = await toolkit.RtspServer(folder, host, int(port)).start()
    print(server._server.sockets[0].getsockname()[1], flush=True)
    await server._server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
