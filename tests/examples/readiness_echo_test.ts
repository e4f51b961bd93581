import { deepStrictEqual, strictEqual } from "node:assert";
import { ask } from "../_loopback.ts";
import { commandOf, end, portOf, startExample } from "./_example.ts";

Deno.test("readiness_echo.ts gives everything back", async () => {
  await using child = startExample("readiness_echo", {}, [0]);
  const port = await portOf(child);
  const text = "all of it ".repeat(100_000);
  const answers = await Promise.all(
    Array.from(
      { length: 5 },
      () => ask({ hostname: "127.0.0.1", port }, text),
    ),
  );
  for (const answer of answers) strictEqual(answer, text);
  const { code, stderr } = await end(child);
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
});

Deno.test("readiness_echo.ts with Workers listens once, and each of them serves", async () => {
  deepStrictEqual(commandOf("readiness_echo").flags, ["--allow-ffi"]);
  await using child = startExample("readiness_echo", {
    "--allow-ffi": "--allow-all",
  }, [0, 2]);
  const port = await portOf(child);
  const served = new Set<string>();
  const wanted = (async () => {
    while (served.size < 2) {
      const [, name] = await child.until(/(Worker \d+) has its first/);
      served.add(name!);
    }
  })();
  // Whichever thread is awake first accepts: all do sooner or later.
  for (let i = 0; i < 2000 && served.size < 2; i++) {
    const answers = await Promise.all(
      Array.from(
        { length: 4 },
        () => ask({ hostname: "127.0.0.1", port }, `${i}`),
      ),
    );
    deepStrictEqual(answers, Array(4).fill(`${i}`));
  }
  await wanted;
  deepStrictEqual([...served].sort(), ["Worker 1", "Worker 2"]);
  const { code, stdout, stderr } = await end(child, "SIGTERM");
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
  const lines = new TextDecoder().decode(stdout).split("\n");
  deepStrictEqual(lines.filter((line) => line.startsWith("Listening")), [
    `Listening on 127.0.0.1:${port}`,
  ]);
});
