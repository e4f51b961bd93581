import { StreamRequestHandler } from "../../../handlers/mod.ts";

const MIB = 2 ** 20;

/** Writes more than may wait for a slow client, and looks at none of it. */
export class Flood extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle(): Promise<void> {
    await this.rfile.readLine();
    for (let i = 0; i < 40; i++) this.wfile.write(new Uint8Array(MIB));
  }
}

/** Writes from time to time, looks at none of it, and heeds no signal. */
export class Ticker extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  /** Set where it runs beside the test, which leaves nothing behind. */
  static stop = false;
  static readonly running = new Set<Promise<void>>();

  override handle(): Promise<void> {
    const ticking = this.#tick();
    Ticker.running.add(ticking);
    return ticking;
  }

  async #tick(): Promise<void> {
    for (let i = 0; i < 30_000 && !Ticker.stop; i++) {
      this.wfile.write("tick\n");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

/** Answers, and reads to the end of what its client sends. */
export class Answer extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle(): Promise<void> {
    const bytes = await this.rfile.readAll();
    await this.wfile.write(`${bytes.length}`);
  }
}
