import {
  StreamRequestHandler,
  type TLSCertificate,
} from "../../../handlers/mod.ts";

/**
 * Answers lines with whether they came in TLS. The first line is the certificate
 * and its key: a process has no permission to read them.
 */
export class Upgrading extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    let certificate: TLSCertificate | undefined;
    for (let line; (line = await this.rfile.readLine()) !== null;) {
      if (certificate === undefined) certificate = JSON.parse(line);
      else if (line === "watch") void this.signal;
      else if (line === "STARTTLS") {
        const { wfile } = this;
        wfile.write("220\n");
        await this.startTLS(certificate);
        wfile.write("too late").catch(() => {});
      } else if (line === "again") {
        const refused = await this.startTLS(certificate).catch(String);
        await this.wfile.write(`${refused}\n`);
      } else await this.wfile.write(`${line} ${this.tls?.protocol}\n`);
    }
  }
}

/** Goes over the lines of one `rfile`, as if it were the same behind the handshake. */
export class Looping extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    let certificate: TLSCertificate | undefined;
    for await (const line of this.rfile) {
      if (certificate === undefined) certificate = JSON.parse(line);
      else if (line === "STARTTLS") {
        this.wfile.write("220\n");
        await this.startTLS(certificate!);
      } else await this.wfile.write(`${line} ${this.tls?.protocol}\n`);
    }
  }
}
