import { deepStrictEqual, strictEqual } from "node:assert";
import { UDPServer } from "../../../mod.ts";
import { patiently } from "../../_patience.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { LOOPBACK } from "../../_loopback.ts";

const CLIENTS = 4;
const QUESTIONS = 400;

Deno.test("a UDP server that shares its address hands over to the next one, and loses nothing", async () => {
  const start = (name: string, port: number) =>
    serveForTest(
      new UDPServer(
        { hostname: LOOPBACK.hostname, port, reuseAddress: true },
        async ({ packet, socket, clientAddress }) => {
          const question = new TextDecoder().decode(packet);
          await socket.send(
            new TextEncoder().encode(`${name} ${question}`),
            clientAddress,
          );
        },
      ),
    );
  await using first = await start("first", 0);
  const { addr } = first;
  const answers: string[] = [];
  let half!: () => void;
  const reached = new Promise<void>((resolve) => half = resolve);
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    const socket = Deno.listenDatagram({ ...LOOPBACK, transport: "udp" });
    const ask = (i: number) =>
      socket.send(new TextEncoder().encode(`${client}.${i}`), addr);
    // A few are on their way at any time.
    for (let i = 0; i < 8; i++) await ask(i);
    for (let i = 8; i < QUESTIONS + 8; i++) {
      const [answer] = await patiently(
        socket.receive(),
        () => `an answer behind ${answers.length}`,
      );
      answers.push(new TextDecoder().decode(answer));
      if (answers.length === CLIENTS * QUESTIONS / 2) half();
      if (i < QUESTIONS) await ask(i);
    }
    socket.close();
  });
  await reached;
  await using _second = await start("second", addr.port);
  await first.server.shutdown();
  await Promise.all(clients);
  const questions = answers.map((answer) => answer.split(" ")[1]!);
  deepStrictEqual(
    questions.sort(),
    Array.from(
      { length: CLIENTS * QUESTIONS },
      (_, i) => `${Math.floor(i / QUESTIONS)}.${i % QUESTIONS}`,
    ).sort(),
  );
  strictEqual(answers.some((answer) => answer.startsWith("first ")), true);
  strictEqual(answers.some((answer) => answer.startsWith("second ")), true);
});
