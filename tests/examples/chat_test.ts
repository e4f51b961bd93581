import { match, strictEqual } from "node:assert";
import { type Child, Program, testWith } from "../_program.ts";
import { end, portOf, startExample } from "./_example.ts";

const nc = new Program("nc.openbsd", "netcat-openbsd");

/** Somebody at a terminal, with nc. */
async function enter(port: number): Promise<Child> {
  const member = nc.start("-N", "127.0.0.1", `${port}`);
  try {
    await member.until("* Welcome to lobby, ");
    return member;
  } catch (error) {
    await member[Symbol.asyncDispose]();
    throw error;
  }
}

/** The ways in which the example runs its handlers, by its arguments. */
const WAYS: Readonly<Record<string, readonly string[]>> = {
  "on the event loop": [],
  "in threads": ["--threads"],
  "in processes": ["--processes"],
};

type Test = (ada: Child, bob: Child, port: number) => Promise<void>;

/** Runs a test with a chat and two members in it, Ada and Bob, in each way. */
function chat(name: string, fn: Test): void {
  for (const [way, args] of Object.entries(WAYS)) {
    testWith([nc], `${name}, ${way}`, () => chatWith(args, fn));
  }
}

async function chatWith(args: readonly string[], fn: Test): Promise<void> {
  await using server = startExample("chat", { 1234: 0 }, [0, ...args]);
  const port = await portOf(server);
  await using ada = await enter(port);
  await ada.send("/nick Ada\n");
  await ada.until("* You are now Ada\n");
  await using bob = await enter(port);
  await ada.until(/guest\d joins\n/);
  await bob.send("/nick Bob\n");
  await bob.until("* You are now Bob\n");
  await ada.until(/guest\d is now Bob\n/);
  await fn(ada, bob, port);
  await Promise.all([ada.output(), bob.output()]);
  const { code, stderr } = await end(server);
  strictEqual(code, 0);
  // It may tell of a member who was gone, and of nothing else.
  match(stderr, /^(Error while serving \S+: ConnectionReset: [^\n]+\n)?$/);
}

chat(
  "chat.ts passes on what members say to the others",
  async (ada, bob) => {
    await ada.send("good morning\n");
    await bob.until("<Ada> good morning\n");
    await bob.send("bonjour, ça va ?\n");
    await ada.until("<Bob> bonjour, ça va ?\n");
    await bob.send("/who\n");
    await bob.until("* Ada, Bob\n");
    await bob.send("/quit\n");
    await bob.until("* Bye\n");
    strictEqual((await bob.output()).code, 0);
    await ada.until("Bob leaves\n");
  },
);

chat("chat.ts keeps its rooms apart", async (ada, bob) => {
  await ada.send("/join attic\n");
  await ada.until("* You are in attic\n");
  await bob.until("Ada leaves\n");
  await bob.send("anybody here?\n/who\n");
  await bob.until("* Bob\n");
  await bob.send("/join attic\n");
  await ada.until(/^Bob joins\n/);
  await ada.send("only we two\n");
  await bob.until("<Ada> only we two\n");
});

chat(
  "chat.ts refuses nicknames that are taken, missing or no names",
  async (ada, bob) => {
    await bob.send("/nick ada\n");
    await bob.until("* Refused: that nickname is taken\n");
    await bob.send("/nick\n");
    await bob.until("* Refused: a name is missing\n");
    await bob.send("/nick a b\n");
    await bob.until("* Refused: a name has only letters, digits, _ and -\n");
    await bob.send(`/join ${"x".repeat(21)}\n`);
    await bob.until("* Refused: a name has at most 20 characters\n");
    // Its own in other letters is no other's.
    await bob.send("/nick BOB\n");
    await ada.until("Bob is now BOB\n");
    await bob.send("/dance\n");
    await bob.until("* Commands: /nick NAME, /join ROOM, /who, /quit\n");
  },
);

chat(
  "chat.ts lets nobody steer the terminals of others",
  async (ada, bob) => {
    await ada.send("\x1b[2J\x07red\x1b[31m\r\n");
    await bob.until("<Ada> [2Jred[31m\n");
  },
);

chat(
  "chat.ts turns out who sends too long a line, and tells the others",
  async (ada, bob) => {
    await ada.send("x".repeat(5_000));
    await ada.until("* Refused: a line has at most 1024 bytes\n");
    strictEqual((await ada.output()).code, 0);
    await bob.until("Ada leaves\n");
    await bob.send("/nick Ada\n");
    await bob.until("* You are now Ada\n");
  },
);

chat(
  "chat.ts goes on when a member is gone without a word",
  async (ada, bob, port) => {
    bob.kill("SIGKILL");
    await ada.until("Bob leaves\n");
    await using carl = nc.start("-N", "127.0.0.1", `${port}`);
    await carl.until("* Welcome to lobby, guest");
    await ada.until(/guest\d joins\n/);
    await carl.send("hello\n");
    await ada.until(/<guest\d> hello\n/);
  },
);

for (const [way, args] of Object.entries(WAYS)) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    testWith(
      [nc],
      `chat.ts ends on ${signal} though members stay, ${way}`,
      async () => {
        await using server = startExample("chat", { 1234: 0 }, [0, ...args]);
        await using member = await enter(await portOf(server));
        strictEqual((await end(server, signal)).code, 0);
        strictEqual((await member.output()).code, 0);
      },
    );
  }
}
