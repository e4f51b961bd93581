"""CPython's SimpleXMLRPCServer. Arguments: plain or threading; 1.0 or 1.1.

It speaks HTTP/1.0 unless told otherwise, and then closes after each answer.
"""

import socketserver
import sys
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

MIXINS = {"plain": (), "threading": (socketserver.ThreadingMixIn,)}


class Handler(SimpleXMLRPCRequestHandler):
    protocol_version = f"HTTP/{sys.argv[2]}"


class Server(*MIXINS[sys.argv[1]], SimpleXMLRPCServer):
    request_queue_size = 1024
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


with Server(("127.0.0.1", 0), Handler, logRequests=False) as server:
    server.register_function(lambda a, b: a + b, "add")
    print(server.server_address[1], flush=True)
    server.serve_forever()
