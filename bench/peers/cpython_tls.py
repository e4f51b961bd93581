"""The same as raw_tls.ts, with CPython's ssl and a thread for each connection.

Arguments: the certificate's file, its key's, and echo, sink, or source and the
number of bytes.
"""

import ssl
import sys
from socketserver import BaseRequestHandler, ThreadingTCPServer

cert, key, mode, *rest = sys.argv[1:]
CHUNK = 64 * 1024
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(cert, key)


def echo(conn):
    while data := conn.recv(16384):
        conn.sendall(data)


def sink(conn):
    buffer = bytearray(CHUNK)
    while conn.recv_into(buffer):
        pass


def source(conn):
    conn.recv(1)
    part = bytes(CHUNK)
    for left in range(int(rest[0]), 0, -CHUNK):
        conn.sendall(part[:left] if left < CHUNK else part)


class Handler(BaseRequestHandler):
    def handle(self):
        try:
            with context.wrap_socket(self.request, server_side=True) as conn:
                {"echo": echo, "sink": sink, "source": source}[mode](conn)
                # The end of TLS, which closing alone does not send.
                conn.unwrap()
        except OSError:
            pass


class Server(ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        pass


with Server(("127.0.0.1", 0), Handler) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
