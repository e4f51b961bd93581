import { isGranted } from "../../_granted.ts";
import {
  type FileForm,
  NOT_ENCODED,
  type SentFile,
} from "../_compression/file_form.ts";
import type { StoredVariant } from "../_compression/stored_variant.ts";
import { HTTPError } from "../http_error.ts";
import { answerTo } from "./file_error.ts";

/** A file that is open, and the form that it is sent in. */
export interface OpenForm {
  readonly file: Deno.FsFile;
  /** What the file system tells of that file now: its path may lead elsewhere. */
  readonly info: Deno.FileInfo;
  readonly form: FileForm;
}

/** Where a file is. */
type Place = Pick<SentFile, "path" | "realPath">;

/**
 * Opens what is sent of a file. Where a stored variant cannot be read, that is
 * the file.
 *
 * @param place Where the file is.
 * @param form The form that its client is to get it in.
 * @returns What is open; the caller closes it.
 * @throws {HTTPError} If it is not there any more, or may not be read.
 */
export async function openForm(
  place: Place,
  form: FileForm,
): Promise<OpenForm> {
  if (form.stored !== undefined) {
    const stored = await open(besides(place, form.stored)).catch(() => {
      // There is the file.
    });
    if (stored !== undefined) return await describe(stored, form);
    form = NOT_ENCODED;
  }
  try {
    return await describe(await open(place), form);
  } catch (error) {
    throw answerTo(error);
  }
}

/** Where a stored variant is, which is no link. */
function besides({ path, realPath }: Place, stored: StoredVariant): Place {
  const ending = stored.path.slice(path.length);
  return {
    path: stored.path,
    realPath: realPath === undefined ? undefined : realPath + ending,
  };
}

/** A file that is open, and where it was. */
interface Opened {
  readonly file: Deno.FsFile;
  readonly path: string;
  readonly realPath: string;
}

async function open({ path, realPath }: Place): Promise<Opened> {
  // Who may read everything need not know where that is.
  realPath ??= isGranted({ name: "read" }) ? path : await Deno.realPath(path);
  return { file: await Deno.open(path), path, realPath };
}

async function describe(opened: Opened, form: FileForm): Promise<OpenForm> {
  const { file } = opened;
  try {
    const info = await infoOf(opened);
    if (!info.isFile) throw new HTTPError(404);
    return { file, info, form };
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * Deno 2.9.6 asks for permission to read the real path of an open file, in a
 * terminal too, which permission to read a link to it or to its directory does not
 * include.
 */
async function infoOf(
  { file, path, realPath }: Opened,
): Promise<Deno.FileInfo> {
  return isGranted({ name: "read", path: realPath })
    ? await file.stat()
    : await Deno.stat(path);
}
