/** Why a script did not give a response, for the log. */
export class ScriptError extends Error {
  /** What the client is answered, where it was not answered yet. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "ScriptError";
    this.status = status;
  }
}
