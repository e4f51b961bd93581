import { deepStrictEqual, strictEqual } from "node:assert";
import { ask } from "../_serve.ts";
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

Deno.test("readiness_echo.ts with Workers serves in each of them", async () => {
  deepStrictEqual(commandOf("readiness_echo").flags, ["--allow-ffi"]);
  await using child = startExample("readiness_echo", {
    "--allow-ffi": "--allow-all",
  }, [0, 2]);
  const port = await portOf(child);
  for (let i = 0; i < 20; i++) {
    strictEqual(await ask({ hostname: "127.0.0.1", port }, `${i}`), `${i}`);
  }
  const { code, stderr } = await end(child, "SIGTERM");
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
});
