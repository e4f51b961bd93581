#!/usr/bin/env -S deno run --quiet --no-lock --allow-env=REQUEST_METHOD,QUERY_STRING,CONTENT_LENGTH
//
// A CGI script: it reads the request in its environment and its standard input,
// and prints a header, an empty line and a page.

const method = Deno.env.get("REQUEST_METHOD");

/** What the form was filled in with: in the query, or in the body by POST. */
async function form(): Promise<URLSearchParams> {
  if (method !== "POST") {
    return new URLSearchParams(Deno.env.get("QUERY_STRING"));
  }
  // Nobody has so long a name; and what is not read is no error.
  if (Number(Deno.env.get("CONTENT_LENGTH")) > 10_000) {
    return new URLSearchParams();
  }
  return new URLSearchParams(await new Response(Deno.stdin.readable).text());
}

const ESCAPES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** Whatever a visitor writes is text on the page, and nothing else. */
function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ESCAPES[character]!);
}

const name = (await form()).get("name") ?? "";

console.log(`Content-Type: text/html; charset=utf-8
Cache-Control: no-store

<!DOCTYPE html>
<html lang="en">
<meta name="color-scheme" content="light dark">
<title>Greeting</title>
<p>${name === "" ? "What is your name?" : `Hello, ${escapeHtml(name)}!`}</p>
<form method="post"><input name="name" autofocus> <button>Greet</button></form>
</html>`);
