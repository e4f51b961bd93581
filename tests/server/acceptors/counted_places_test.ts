// How many clients a server has at once while its threads die, counted by clients.

import { strictEqual } from "node:assert";
import { HandlerLostError } from "../../../mod.ts";
import { Program, testWith } from "../../_program.ts";
import { startAccepting } from "./_accepting.ts";

const python = new Program("python3", "python3");
const COUNT = new URL("./_count_open.py", import.meta.url).pathname;

for (const limit of [1, 2, 40]) {
  testWith(
    [python],
    `never are more than ${limit} connections open with maxConnections ${limit}, whatever threads die`,
    async () => {
      await using served = await startAccepting({
        workers: 2,
        maxConnections: limit,
      }, {
        // How many clients they take with them is chance.
        allowErrors: (error) => error instanceof HandlerLostError,
      });
      const { port } = served.addr;
      const most = await python.run([COUNT, ...[port, limit, 4].map(String)]);
      strictEqual(Number(most), limit);
    },
  );
}
