import { Folder } from "../../_program.ts";
import { runAgain } from "../_again.ts";
import { makeCertificate } from "../../_certificate.ts";

Deno.test("what is tested of connections of TCP holds in TLS", async () => {
  await using folder = new Folder();
  await makeCertificate(folder);
  await runAgain({
    mod: new URL("_tcp_in_tls.ts", import.meta.url).href,
    files: [
      ...["closing/closing_test.ts", "closing/closing_hook_test.ts"],
      ...["shutdown_test.ts", "hooks_test.ts", "draining_test.ts"],
    ],
    leaveOut: new RegExp(
      [
        // Servers of something else, and what is not on the event loop.
        ...["datagram", "UDP", "one byte at a time"],
        ...["in a thread", "in a process", "threads", "processes"],
        // What wraps a connection has no handshake, if it does not pass that on.
        ...["lent to", "a connection of Deno's"],
        // Who is refused before the handshake never sees the end of one.
        "request (that|whose) verifyRequest",
        // These clients reset before a handshake, or wait for one too early.
        ...["peer resets while nothing", "ahead of handleRequest"],
        // Their time may be over before the handshake is.
        "past their time",
        // Two thousand handshakes take ten seconds, of the clients' most.
        "2,000 connections",
      ].join("|"),
    ),
    env: { CERT: folder.at("cert.pem"), KEY: folder.at("cert.key") },
  });
});
