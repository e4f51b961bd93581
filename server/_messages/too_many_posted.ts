import { POST_WINDOW } from "./message_window.ts";

/** Says that the server has not handled what was posted before. */
export function tooManyPosted(): Error {
  return new Deno.errors.Busy(
    `Cannot post a message: the server's onMessage has not done with those before, which count more than ${POST_WINDOW} bytes with it, each its own and 256 more; post less often, or let the server answer first`,
  );
}
