"""Runs one of CPython's own test modules against the servers of this project.

    python3 -I run.py MODULE DENO [--as-nobody]

Where a test of the module would start a server of CPython's, one of Deno's is
started instead (`serve.ts`); its clients are CPython's own. What became of each
test is printed as one line of JSON: "pass", "fail", "skip", or "untouched" where
it has asked nothing of Deno, whatever else it did. With `--as-nobody` those tests
alone run that do nothing where root runs them.
"""

import contextlib
import faulthandler
import http.client
import importlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time
import unittest

faulthandler.dump_traceback_later(100, exit=True)
HERE = pathlib.Path(__file__).resolve().parent
# No event takes longer, unless something hangs. In seconds.
PATIENCE = 20


class Bridge:
    """Asks Deno, and waits for the answer."""

    def __init__(self, deno):
        self.asked = 0
        # How often a method of a handler was called.
        self.calls = 0
        self._answers = {}
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            [deno, "run", "--quiet", "--no-prompt", "--allow-all", str(HERE / "serve.ts")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "NO_COLOR": "1"},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            message = json.loads(line)
            if "log" in message:
                print(message["log"], file=sys.stderr)
                continue
            with self._changed:
                self._answers[message["id"]] = message
                self._changed.notify_all()

    def ask(self, what, **about):
        with self._changed:
            self.asked += 1
            number = self.asked
            question = {"id": number, "ask": what, **about}
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            if not self._changed.wait_for(lambda: number in self._answers, PATIENCE):
                raise TimeoutError(f"Deno does not answer {question}")
            answer = self._answers.pop(number)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["answer"]

    def call(self, method, **about):
        self.calls += 1
        return self.ask(method, **about)

    def close(self):
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)


class Server:
    """Stands for a server of CPython's, and is one of Deno's."""

    def __init__(self, name):
        self.port = bridge.ask("start", name=name)
        self.server_address = ("127.0.0.1", self.port)
        self.socket = self
        self._stopped = threading.Event()

    def getsockname(self):
        return self.server_address

    def serve_forever(self, poll_interval=None):
        self._stopped.wait()

    def shutdown(self):
        self._stopped.set()

    def server_close(self):
        bridge.ask("stop", port=self.port)


def pairs(headers):
    # Deno has their names in lower case, which HTTP does not tell apart.
    return [("-".join(word.capitalize() for word in name.split("-")), value)
            for name, value in headers]


# http.server


class Socketless:
    """A handler that the tests give bytes and take bytes from."""

    def __init__(self, directory=None):
        self.directory = os.fspath(directory or os.getcwd())
        self.get_called = False
        self.requestline = None

    def handle_one_request(self):
        server = Server(type(self).__name__)
        try:
            with socket.create_connection(server.server_address, PATIENCE) as connection:
                connection.sendall(self.rfile.read())
                connection.shutdown(socket.SHUT_WR)
                while data := connection.recv(65536):
                    self.wfile.write(data)
            served = bridge.ask("served")
        finally:
            server.server_close()
        self.headers = dict(pairs(served.pop("headers")))
        vars(self).update(served)
        items = tuple(self.headers.items())
        self.headers = type("Headers", (), {"items": lambda self: items})()

    def translate_path(self, path):
        return bridge.call("translate_path", directory=self.directory, text=path)

    def date_time_string(self, timestamp):
        return bridge.call("date_time_string", number=timestamp)


class Logger:
    """Stands for BaseHTTPRequestHandler where its log_message is called."""

    @staticmethod
    def log_message(handler, format, *args):
        bridge.call("log_message", text=format % args)


def redirect_http(module):
    original = module.SocketlessRequestHandler
    # What the tests make up what they expect of.
    Socketless.weekdayname = original.weekdayname
    Socketless.monthname = original.monthname
    module.SocketlessRequestHandler = type("SocketlessRequestHandler", (Socketless,), {})
    module.RejectingSocketlessRequestHandler = type(
        "RejectingSocketlessRequestHandler", (Socketless,), {})
    module.BaseHTTPRequestHandler = Logger
    module.HTTPServer = lambda address, handler: Server(handler.__qualname__)

    # Methods that llhttp does not read are sent by other names.
    renamed = bridge.ask("renamed")
    putrequest = http.client.HTTPConnection.putrequest
    http.client.HTTPConnection.putrequest = (
        lambda self, method, *args, **keywords:
        putrequest(self, renamed.get(method, method), *args, **keywords))

    captured_stderr = module.support.captured_stderr

    @contextlib.contextmanager
    def captured():
        with captured_stderr() as text:
            yield text
            # What was logged before the answer comes before this one.
            bridge.ask("connections")

    module.support.captured_stderr = captured


# xmlrpc.server


class Script:
    """A CGI script that answers calls."""

    encoding = "utf-8"

    def handle_request(self):
        bridge.calls += 1
        # Web servers set it (RFC 3875, section 4.1.12), and one test does not.
        environment = {"REQUEST_METHOD": "POST", **os.environ}
        body = b"" if environment["REQUEST_METHOD"] == "GET" else sys.stdin.read().encode()
        script = HERE.parent.parent / "xmlrpc" / "_cgi_script.ts"
        sys.stdout.write(subprocess.run(
            [deno, "run", "--quiet", "--allow-all", script],
            input=body, env=environment, capture_output=True, check=True,
        ).stdout.decode())


def redirect_xmlrpc(module):
    module.xmlrpc.server.CGIXMLRPCRequestHandler = Script
    # The server of the test that runs, and the class of its handler.
    current = {}

    def started_by(name):
        def start(evt, numrequests, requestHandler=None, encoding=None):
            server = Server(name)
            current.update(port=server.port, handler=requestHandler)
            module.ADDR, module.PORT = server.server_address
            module.URL = "http://%s:%d" % server.server_address
            evt.set()
            # Whoever waits for that clears it, and then waits for the end.
            deadline = time.monotonic() + PATIENCE
            while evt.is_set() and time.monotonic() < deadline:
                time.sleep(0.001)
            evt.set()
        return start

    module.http_server = started_by("http_server")
    module.http_multi_server = started_by("http_multi_server")
    module.BaseServerTestCase.threadFunc = staticmethod(module.http_server)
    module.MultiPathServerTestCase.threadFunc = staticmethod(module.http_multi_server)

    def pull():
        handler = current["handler"]
        if handler is None:
            return
        requests = bridge.ask("requests", port=current["port"])
        if hasattr(handler, "myRequests"):
            by_connection = {}
            for request in requests:
                by_connection.setdefault(request["connection"], []).append(request["line"])
            handler.myRequests = list(by_connection.values())
        headers = dict(pairs(requests[-1]["headers"])) if requests else {}
        if hasattr(handler, "test_headers"):
            handler.test_headers = headers
        if "Content-Length" in headers:
            handler.content_length = int(headers["Content-Length"])

    transport = module.xmlrpclib.Transport
    send_request, parse_response = transport.send_request, transport.parse_response

    def send(self, *args):
        # The tests set it on the class of the handler, while the server runs.
        threshold = getattr(current["handler"], "encode_threshold", 1400)
        bridge.ask("encode_threshold", number=1e9 if threshold is None else threshold)
        return send_request(self, *args)

    def parse(self, response):
        answer = parse_response(self, response)
        pull()
        return answer

    transport.send_request, transport.parse_response = send, parse


def redirect_docxmlrpc(module):
    module.make_server = lambda: Server("make_server")

    # RFC 9110, section 8.3.1: these are the same, and the tests compare texts.
    getheader = http.client.HTTPResponse.getheader

    def spelled_as_python(self, name, default=None):
        value = getheader(self, name, default)
        if name.lower() == "content-type" and value is not None:
            value = re.sub(r"; *charset=utf-8", "; charset=UTF-8", value, flags=re.I)
        return value

    http.client.HTTPResponse.getheader = spelled_as_python


class Outcomes(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.of = {}
        self.why = {}

    def startTest(self, test):
        super().startTest(test)
        self._before = self._used()

    def stopTest(self, test):
        name = self._name(test)
        self.of.setdefault(name, "pass")
        if self._used() == self._before and self.of[name] != "skip":
            self.of[name] = "untouched"
        super().stopTest(test)

    def _used(self):
        return bridge.ask("connections") + bridge.calls

    def _name(self, test):
        return ".".join(test.id().split(".")[-2:])

    def _note(self, test, outcome, why):
        name = self._name(test)
        self.of[name] = outcome
        self.why[name] = why[-2000:]

    def addError(self, test, error):
        self._note(test, "fail", self._exc_info_to_string(error, test))

    def addFailure(self, test, error):
        self._note(test, "fail", self._exc_info_to_string(error, test))

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self._note(test, "fail", self._exc_info_to_string(error, test))

    def addSkip(self, test, reason):
        self._note(test, "skip", reason)


REDIRECT = {
    "test_httpservers": redirect_http,
    "test_xmlrpc": redirect_xmlrpc,
    "test_docxmlrpc": redirect_docxmlrpc,
}

module_name, deno, *flags = sys.argv[1:]
printed = os.fdopen(os.dup(1), "w")
bridge = Bridge(deno)
if "--as-nobody" in flags:
    # Some tests do nothing where root runs them. Deno goes on as root.
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
os.chdir("/")
module = importlib.import_module(f"test.{module_name}")
REDIRECT[module_name](module)
outcomes = Outcomes()
loader = unittest.defaultTestLoader
if "--as-nobody" in flags:
    suite = loader.loadTestsFromTestCase(module.CGIHTTPServerTestCase)
else:
    suite = loader.loadTestsFromModule(module)
suite.run(outcomes)
bridge.close()
json.dump({"outcomes": outcomes.of, "why": outcomes.why}, printed)
printed.close()
