import { type FileForm, NOT_ENCODED } from "../_compression/file_form.ts";
import { HTTPError } from "../http_error.ts";
import { answerTo } from "./file_error.ts";

/** A file that is open, and the form that it is sent in. */
export interface OpenForm {
  readonly file: Deno.FsFile;
  /** What the file system tells of that file now: its path may lead elsewhere. */
  readonly info: Deno.FileInfo;
  readonly form: FileForm;
}

/**
 * Opens what is sent of a file. Where a stored variant cannot be read, that is
 * the file.
 *
 * @param path The file's path.
 * @param form The form that its client is to get it in.
 * @returns What is open; the caller closes it.
 * @throws {HTTPError} If it is not there any more, or may not be read.
 */
export async function openForm(
  path: string,
  form: FileForm,
): Promise<OpenForm> {
  const stored = form.stored?.path;
  if (stored !== undefined) {
    const file = await Deno.open(stored).catch(() => undefined);
    if (file !== undefined) return await describe(file, stored, form);
    form = NOT_ENCODED;
  }
  return await describe(await open(path), path, form);
}

async function open(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path);
  } catch (error) {
    throw answerTo(error);
  }
}

async function describe(
  file: Deno.FsFile,
  path: string,
  form: FileForm,
): Promise<OpenForm> {
  try {
    const info = await infoOf(file, path);
    if (!info.isFile) throw new HTTPError(404);
    return { file, info, form };
  } catch (error) {
    file.close();
    throw error;
  }
}

async function infoOf(file: Deno.FsFile, path: string): Promise<Deno.FileInfo> {
  try {
    return await file.stat();
  } catch (error) {
    // Deno 2.9.6 asks for permission to read the real path of an open file,
    // which permission to read a link to its directory does not include.
    if (error instanceof Deno.errors.NotCapable) return await Deno.stat(path);
    throw error;
  }
}
