// deno run --allow-net=127.0.0.1:2525 examples/mail_server.ts
//
// A mail server that speaks SMTP (RFC 5321) with STARTTLS (RFC 3207), and prints
// what it gets. Mail is taken in TLS only, and what a client says before it is
// forgotten then, as RFC 3207 demands. Another port is the first argument, and
// belongs in --allow-net too. From Python:
//
//     with smtplib.SMTP("127.0.0.1", 2525) as client:
//         client.starttls(context=ssl._create_unverified_context())
//         client.sendmail("me@example.org", ["you@example.org"], "Subject: hi\n\nHi")

import {
  LimitOverrunError,
  run,
  StreamRequestHandler,
  TCPServer,
  type TLSCertificate,
} from "../mod.ts";
import { selfSignedCertificate } from "../server/testing/mod.ts";

/** What one mail may have, in bytes and recipients. */
const LARGEST = 1 << 20;
const MOST_RECIPIENTS = 100;
/** A client that is silent for so long is not there any more, in milliseconds. */
const PATIENCE = 60_000;

/** A mail that was taken. */
export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly data: string;
}

/** Makes a handler class that gives mails to `take`. */
export function mailHandler(
  certificate: TLSCertificate,
  take: (mail: Mail) => void,
) {
  return class MailHandler extends StreamRequestHandler {
    #from: string | undefined;
    #to: string[] = [];

    override async handle() {
      await this.#say("220 localhost ready");
      for (let line; (line = await this.#line()) !== null;) {
        if (await this.#obey(line)) return;
      }
    }

    async #line(): Promise<string | null> {
      return await this.rfile.readLine({ timeout: PATIENCE });
    }

    async #say(...lines: string[]): Promise<void> {
      await this.wfile.write(lines.map((line) => `${line}\r\n`).join(""));
    }

    /** Does what a line says, and tells whether it was the last. */
    async #obey(line: string): Promise<boolean> {
      const [, word = "", argument = ""] = /^(\S*) ?(.*)$/.exec(line)!;
      switch (word.toUpperCase()) {
        case "EHLO":
          this.#forget();
          await (this.tls === undefined
            ? this.#say("250-localhost", "250 STARTTLS")
            : this.#say("250-localhost", `250 SIZE ${LARGEST}`));
          break;
        case "HELO":
        case "RSET":
          this.#forget();
          await this.#say("250 Ok");
          break;
        case "NOOP":
          await this.#say("250 Ok");
          break;
        case "STARTTLS":
          await this.#secure();
          break;
        case "QUIT":
          await this.#say("221 Goodbye");
          return true;
        default:
          await this.#mail(word.toUpperCase(), argument);
      }
      return false;
    }

    async #secure(): Promise<void> {
      if (this.tls !== undefined) return await this.#say("503 Done already");
      this.#forget();
      // Not awaited: startTLS sends it, when it has seen that nothing is unread.
      this.wfile.write("220 Go ahead\r\n");
      await this.startTLS(certificate);
    }

    async #mail(word: string, argument: string): Promise<void> {
      const address = /^(?:FROM|TO):\s*<([^>]*)>/i.exec(argument)?.[1];
      if (!["MAIL", "RCPT", "DATA"].includes(word)) {
        return await this.#say("500 What?");
      }
      if (this.tls === undefined) return await this.#say("530 STARTTLS first");
      if (word === "DATA") return await this.#data();
      if (address === undefined) return await this.#say("501 Whose?");
      if (word === "MAIL") {
        this.#from = address;
        return await this.#say("250 Ok");
      }
      if (this.#from === undefined) return await this.#say("503 MAIL first");
      if (this.#to.length >= MOST_RECIPIENTS) {
        return await this.#say("452 Too many");
      }
      this.#to.push(address);
      await this.#say("250 Ok");
    }

    async #data(): Promise<void> {
      const from = this.#from;
      if (from === undefined || this.#to.length === 0) {
        return await this.#say("503 RCPT first");
      }
      await this.#say("354 Go on, and end with a dot");
      const lines: string[] = [];
      let length = 0;
      for (let line; (line = await this.#line()) !== ".";) {
        if (line === null) return;
        length += line.length + 2;
        if (length > LARGEST) throw new LimitOverrunError("Too long", LARGEST);
        // A dot that begins a line is doubled (RFC 5321, section 4.5.2).
        lines.push(line.startsWith(".") ? line.slice(1) : line);
      }
      take({ from, to: this.#to, data: lines.join("\n") });
      this.#forget();
      await this.#say("250 Taken");
    }

    #forget(): void {
      this.#from = undefined;
      this.#to = [];
    }
  };
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 2525);
  const server = new TCPServer(
    { hostname: "127.0.0.1", port },
    mailHandler(await selfSignedCertificate(), (mail) => console.log(mail)),
    {
      onListen: ({ hostname, port }) =>
        console.log(`Listening on ${hostname}:${port}`),
    },
  );
  await run(server);
}
