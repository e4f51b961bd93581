"""CPython's TCPServer. Arguments: plain, threading or forking; echo or reply."""

import socketserver
import sys

MIXINS = {
    "plain": (),
    "threading": (socketserver.ThreadingMixIn,),
    "forking": (socketserver.ForkingMixIn,),
}


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(16384):
            self.request.sendall(data)


class Reply(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"Thank you for connecting")


class Server(*MIXINS[sys.argv[1]], socketserver.TCPServer):
    request_queue_size = 1024
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


with Server(("127.0.0.1", 0), {"echo": Echo, "reply": Reply}[sys.argv[2]]) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
