import type { SharedThreadState } from "./thread_state.ts";

/** The parts of a worker's global scope that are used here. */
interface WorkerScope {
  close(): void;
}

const scope = globalThis as unknown as WorkerScope;

/**
 * Has every way in which code can end this thread told to its owner.
 *
 * @param state Where it is told.
 * @returns Ends this thread, with an error.
 */
export function noticeEnds(state: SharedThreadState): (error: unknown) => void {
  const close = scope.close.bind(scope);
  const die = (error: unknown) => {
    state.end(error);
    close();
  };
  addEventListener("error", (event) => {
    event.preventDefault();
    die(event.error ?? new Error(event.message));
  });
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    die(event.reason);
  });
  scope.close = () => die(new Error("Its code called self.close()"));
  const exit = Deno.exit;
  Object.defineProperty(Deno, "exit", {
    value: (code = 0) => {
      die(new Error(`Its code called Deno.exit(${code})`));
      exit(code);
    },
  });
  return die;
}
