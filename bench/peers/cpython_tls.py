"""As ours_tls.ts, with CPython's ssl and a thread for each connection."""

import ssl
import sys
from socketserver import BaseRequestHandler, ThreadingTCPServer

mode, cert, key = sys.argv[1:]
head = b"HTTP/1.1 200 OK\r\n"
if mode == "close":
    head += b"Connection: close\r\n"
answer = head + b"Content-Length: 2\r\n\r\nok"
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(cert, key)


class Answer(BaseRequestHandler):
    def handle(self):
        try:
            with context.wrap_socket(self.request, server_side=True) as conn:
                while conn.recv(16384):
                    conn.sendall(answer)
                    if mode == "close":
                        break
        except OSError:
            pass


class Server(ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request, client_address):
        pass


with Server(("127.0.0.1", 0), Answer) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
