import { StreamRequestHandler } from "../../../handlers/mod.ts";

/** Answers in two parts, the second when the first has been taken. */
export class TwoParts extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    await this.wfile.write("Thank you ");
    await this.wfile.write("for connecting");
  }
}

/** Leaves Nagle's algorithm to hold the second back. */
export class TwoPartsDelayed extends TwoParts {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly disableNagleAlgorithm: boolean = false;
}
