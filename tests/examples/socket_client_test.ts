import { deepStrictEqual, strictEqual } from "node:assert";
import { Program, testWith } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import { startExample } from "./_example.ts";

const python = new Program("python3", "python3");
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

testWith(
  [python],
  "socket_client.ts greets a server of CPython's socket",
  async () => {
    await using server = python.start(
      "-u",
      "-c",
      `import socket
s = socket.socket()
s.settimeout(20)
s.bind(("127.0.0.1", 0))
s.listen(5)
print("Listening on 127.0.0.1:%d" % s.getsockname()[1])
c, addr = s.accept()
c.settimeout(20)
c.send(b"Thank you for connecting")
print(c.makefile().read(), end="")`,
    );
    const [, port] = await server.until(/Listening on \S+:(\d+)\n/);
    await using child = startExample("socket_client", {}, [port!, 3, 1]);
    const { code, stdout, stderr } = await child.output();
    deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
    strictEqual(
      decode(stdout),
      "Thank you for connecting\nThe connection has ended\n",
    );
    await server.until("hello\nhello\nhello\n");
  },
);

Deno.test("socket_client.ts notices that the server has gone", async () => {
  using listener = Deno.listen(LOOPBACK);
  await using child = startExample("socket_client", {}, [listener.addr.port]);
  const connection = await listener.accept();
  await connection.write(new TextEncoder().encode("welcome"));
  await child.until("welcome\n");
  connection.close();
  const { code, stdout } = await child.output();
  strictEqual(code, 0);
  strictEqual(
    /welcome\nThe (connection has ended|server has gone)\n$/.test(
      decode(stdout),
    ),
    true,
    decode(stdout),
  );
});

Deno.test("socket_client.ts says so when nothing listens", async () => {
  const listener = Deno.listen(LOOPBACK);
  const { port } = listener.addr;
  listener.close();
  await using child = startExample("socket_client", {}, [port]);
  const { code, stderr } = await child.output();
  strictEqual(code, 1);
  strictEqual(stderr, `Nothing listens on 127.0.0.1:${port}\n`);
});
