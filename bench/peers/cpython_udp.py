"""CPython's UDPServer, echoing. Argument: plain (by default) or threading."""

import socketserver
import sys


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(data, self.client_address)


if "threading" in sys.argv:
    Server = socketserver.ThreadingUDPServer
else:
    Server = socketserver.UDPServer

with Server(("127.0.0.1", 0), Echo) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
