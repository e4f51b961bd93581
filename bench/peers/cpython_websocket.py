"""Sends each message back, with Debian's `websockets` (python3-websockets)."""

import asyncio
import sys

sys.path.append("/usr/lib/python3/dist-packages")

import websockets.server
from websockets.exceptions import ConnectionClosed


async def echo(socket, _path=None):
    try:
        async for message in socket:
            await socket.send(message)
    except ConnectionClosed:
        pass


async def main():
    async with websockets.server.serve(
        echo, "127.0.0.1", 0, compression=None, max_size=64 << 20
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
