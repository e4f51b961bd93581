import { match, strictEqual } from "node:assert";
import { type Child, Program, testWith } from "../_program.ts";
import { end, portOf, startExample } from "./_example.ts";

const openssl = new Program("openssl", "openssl");
const python = new Program("python3", "python3");

const CLIENT = `
import smtplib, ssl, sys
port = int(sys.argv[1])
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
    try:
        client.sendmail("a@example.org", ["b@example.org"], "without TLS")
        print("taken without TLS")
    except smtplib.SMTPSenderRefused as error:
        print("refused", error.smtp_code)
    client.starttls(context=context)
    client.ehlo()
    print("size", client.esmtp_features["size"])
    client.sendmail(
        "a@example.org",
        ["b@example.org", "c@example.org"],
        "Subject: dots\\n\\n.one\\n..two\\n.\\nthree",
    )
    client.sendmail("d@example.org", ["e@example.org"], "Subject: second\\n\\nbody")
print("done")
`;

/** Starts the example on a port of its own. */
function start(): Child {
  return startExample("mail_server", { 2525: 0 }, [0]);
}

testWith(
  [python],
  "mail_server.ts takes mail from CPython's smtplib by STARTTLS, and only so",
  async () => {
    await using child = start();
    const port = await portOf(child);
    const said = await python.run(["-c", CLIENT, String(port)]);
    match(said, /^refused 530\nsize 1048576\ndone\n$/);
    await child.until(`from: "a@example.org"`);
    await child.until(`to: [ "b@example.org", "c@example.org" ]`);
    await child.until(String.raw`Subject: dots\n\n.one\n..two\n.\nthree`);
    await child.until(`from: "d@example.org"`);
    strictEqual((await end(child)).code, 0);
  },
);

testWith(
  [openssl],
  "mail_server.ts speaks STARTTLS with OpenSSL, and ends on SIGTERM",
  async () => {
    await using child = start();
    const port = await portOf(child);
    await using client = openssl.start(
      ...["s_client", "-quiet", "-starttls", "smtp"],
      ...["-connect", `127.0.0.1:${port}`],
    );
    await client.untilStderr("250 STARTTLS");
    await client.send("NOOP\r\n");
    await client.until("250 Ok");
    await client.send("QUIT\r\n");
    await client.until("221 Goodbye");
    await client.output();
    strictEqual((await end(child, "SIGTERM")).code, 0);
  },
);
