"""Serves files with CPython's http.server. Argument: the directory."""

import functools
import http.server
import sys


class Files(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Clients that are gone when the load ends are no news."""


handler = functools.partial(Files, directory=sys.argv[1])
server = Server(("127.0.0.1", 0), handler)
print(server.server_port, flush=True)
server.serve_forever()
