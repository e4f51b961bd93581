// A module that no error comes from before the one that is asked for.

/** Makes an error. */
export function farError(): Error {
  return new Error("far");
}
