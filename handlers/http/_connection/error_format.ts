import { wrong } from "../../_settings.ts";
import { escapeHtml } from "./escape_html.ts";

/** The page of an error, unless a handler class has one of its own. */
export const ERROR_MESSAGE_FORMAT = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>%(code)d %(message)s</title>
</head>
<body style="font-family: system-ui, sans-serif">
<h1>%(code)d %(message)s</h1>
<p>%(explain)s</p>
</body>
</html>
`;

/** What stands for a value, and `%%` for a per cent sign: as in Python. */
const PLACEHOLDER = /%(?:\((code|message|explain)\)[ds]|(%))/g;

/** What is put into a page. */
export interface ErrorTexts {
  readonly code: number;
  readonly message: string;
  readonly explain: string;
}

/**
 * Puts the texts of an error into a page, each with `&`, `<`, `>` and quotes as
 * references.
 */
export function formatError(format: string, texts: ErrorTexts): string {
  return format.replaceAll(
    PLACEHOLDER,
    (_, name: keyof ErrorTexts | undefined) =>
      name === undefined ? "%" : escapeHtml(String(texts[name])),
  );
}

/** @throws {TypeError} If a page is no text, or has per cent signs of no meaning. */
export function checkErrorFormat(format: unknown): void {
  if (
    typeof format === "string" &&
    !format.replaceAll(PLACEHOLDER, "").includes("%")
  ) return;
  throw wrong(
    "serve HTTP",
    "errorMessageFormat",
    'a text in which "%" stands before (code)d, (message)s, (explain)s or another "%"',
    format,
  );
}
