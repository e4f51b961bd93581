import { deepStrictEqual, strictEqual } from "node:assert";
import { Program, testWith } from "../_program.ts";
import { ask } from "../_loopback.ts";
import { portOf, startExample } from "./_example.ts";

const python = new Program("python3", "python3");

Deno.test("socket_server.ts thanks one client after the other", async () => {
  await using child = startExample("socket_server", {}, [0, 3]);
  const port = await portOf(child);
  for (let i = 0; i < 3; i++) {
    strictEqual(
      await ask({ hostname: "127.0.0.1", port }),
      "Thank you for connecting",
    );
    await child.until(/Got connection from 127\.0\.0\.1:\d+\n/);
  }
  const { code, stderr } = await child.output();
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
});

testWith([python], "socket_server.ts thanks CPython's socket", async () => {
  await using child = startExample("socket_server", {}, [0, 1]);
  const port = await portOf(child);
  const printed = await python.run([
    "-c",
    `import socket, sys
s = socket.socket()
s.settimeout(20)
s.connect(("127.0.0.1", int(sys.argv[1])))
print(s.recv(1024).decode())`,
    String(port),
  ]);
  strictEqual(printed, "Thank you for connecting\n");
  strictEqual((await child.output()).code, 0);
});
