"""
Clients of a server, which count from outside how many it has at once while its
threads die. Arguments: port, maxConnections, rounds. Prints the most that it had.
"""

import errno
import select
import socket
import sys

port, limit, rounds = (int(argument) for argument in sys.argv[1:])


def connect():
    client = socket.create_connection(("127.0.0.1", port), 20)
    client.sendall(b"greet, then end with a line\n")
    return client


def is_open(client):
    try:
        return client.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


most = 0
for _ in range(rounds):
    clients = [connect() for _ in range(2 * limit)]
    greeted = []
    killed = False
    while not (killed and len(greeted) == 2 * limit):
        waiting = [client for client in clients if client not in greeted]
        readable, _, _ = select.select(waiting, [], [], 20)
        if not readable:
            sys.exit(f"waited in vain with {len(greeted)} greeted")
        for client in readable:
            if client.recv(5, socket.MSG_WAITALL) != b"hello":
                sys.exit("a client was not served")
            client.setblocking(False)
            greeted.append(client)
            most = max(most, sum(map(is_open, greeted)))
        if len(greeted) == limit and not killed:
            greeted[0].sendall(b"\n")
            killed = True
        elif killed:
            # Those that are left in another thread give their places to the rest.
            for client in greeted[:limit]:
                if not is_open(client):
                    continue
                try:
                    client.shutdown(socket.SHUT_WR)
                except OSError as error:
                    # Its thread has died since the look at it.
                    if error.errno != errno.ENOTCONN:
                        raise
    for client in clients:
        client.close()
print(most)
