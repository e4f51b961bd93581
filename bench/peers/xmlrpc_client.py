"""Calls `add` with CPython's client, one call after the other.

Arguments: port, milliseconds. Prints what bench/load.c prints.
"""

import json
import sys
import time
import xmlrpc.client

port, milliseconds = map(int, sys.argv[1:])
count = 0
with xmlrpc.client.ServerProxy(f"http://127.0.0.1:{port}/RPC2") as proxy:
    assert proxy.add(2, 3) == 5
    started = time.perf_counter()
    end = started + milliseconds / 1000
    while (now := time.perf_counter()) < end:
        proxy.add(2, 3)
        count += 1
print(json.dumps({"count": count, "perSecond": count / (now - started)}))
