"""Answers with six bytes, with CPython's ThreadingHTTPServer.

Argument: shipped, for its defaults (HTTP/1.0, a connection for each request);
persistent, for HTTP/1.1; or buffered, for HTTP/1.1 with an answer sent in one
piece, so that no body waits for its headers' acknowledgement.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

mode = sys.argv[1]


class Hello(BaseHTTPRequestHandler):
    if mode != "shipped":
        protocol_version = "HTTP/1.1"
    if mode == "buffered":
        wbufsize = -1

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")
        self.wfile.flush()

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        # Clients that are gone when the load ends are no news.
        pass


server = Server(("127.0.0.1", 0), Hello)
print(server.server_port, flush=True)
server.serve_forever()
