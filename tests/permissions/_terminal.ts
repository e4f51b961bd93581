import { ok } from "node:assert";
import { patiently } from "../_patience.ts";
import { type Child, Program } from "../_program.ts";

/** Runs a program in a pseudo-terminal, where Deno asks for permissions. */
export const script = new Program("script", "bsdutils");

/** What Deno prints where it asks. */
const QUESTION = /Allow\?/;

/**
 * Starts Deno in a pseudo-terminal.
 *
 * @param words Its arguments.
 * @param folder Where it is started.
 */
export function startInTerminal(
  words: readonly string[],
  folder = ".",
): Child {
  const command = words.map((word) => `'${word}'`).join(" ");
  return script.start(
    "-qec",
    `cd '${folder}' && exec '${Deno.execPath()}' ${command}`,
    "/dev/null",
  );
}

/**
 * Waits until a program prints what it should. It must ask nobody for anything.
 *
 * @returns What was found.
 */
export async function untilPrinted(
  child: Child,
  what: RegExp,
): Promise<RegExpExecArray> {
  const [all] = await child.until(
    new RegExp(`${what.source}|${QUESTION.source}`),
  );
  const found = what.exec(all);
  ok(found !== null, `It asked: ${all}`);
  return found;
}

/** What comes first: the answer, or a question in the terminal. */
export async function answer(
  child: Child,
  coming: Promise<string>,
): Promise<string> {
  // It may still be waited for when the program is killed.
  const asked = child.until(QUESTION).then(
    () => "a question",
    () => "its end",
  );
  return await patiently(Promise.race([coming, asked]), () => "an answer");
}
