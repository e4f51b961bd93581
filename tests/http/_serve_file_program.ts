// Prints what serveFile() answers for the file that is named, or throws.

import { serveFile } from "../../handlers/http/serve_file.ts";

try {
  const request = new Request("http://localhost/");
  const response = await serveFile(request, Deno.args[0]!);
  console.log(response.status, await response.text());
} catch (error) {
  console.log(`${error}`);
}
