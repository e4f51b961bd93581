import { StreamRequestHandler } from "../../handlers/mod.ts";

/** Answers a line, and fails if it is "fail". It can run anywhere. */
export class FailingHandler extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    const line = await this.rfile.readLine();
    if (line === "fail") throw new Error("as it was told to");
    await this.wfile.write(`<${line}>\n`);
  }
}
