import { escapeHtml } from "../../http/_connection/escape_html.ts";
import type { XMLRPCDocumentation } from "../xmlrpc_documentation.ts";
import type { XMLRPCMethodInfo, XMLRPCSignature } from "../xmlrpc_signature.ts";

/** Colours are the browser's own, which follow the reader's choice of scheme. */
const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .75rem; }
h2 { font-size: .8rem; letter-spacing: .06em; text-transform: uppercase;
  margin: 2.5rem 0 .75rem; opacity: .7; }
p { margin: 0 0 .75rem; max-width: 44rem; white-space: pre-line; }
a { color: light-dark(#0550ae, #7cb7ff); text-decoration: none; }
a:hover, a:focus-visible { text-decoration: underline; }
code, h3 { font: .95rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
nav ul { columns: 14rem; padding: 0; margin: 0; list-style: none; }
section.method { border: 1px solid light-dark(#d5dae1, #3a4049);
  border-radius: .5rem; padding: .9rem 1.1rem; margin: 0 0 .9rem;
  background: light-dark(#f8f9fb, #1d2127); overflow-wrap: anywhere; }
section.method:target { border-color: light-dark(#0550ae, #7cb7ff); }
section.method h3 { margin: 0; font-weight: 700; }
section.method ul { margin: .35rem 0 0; padding: 0; list-style: none; }
section.method p { margin: .6rem 0 0; }
.type { color: light-dark(#8a3800, #ffb37a); }
`;

/**
 * What a method's help may refer to: an address, an RFC, one of Python's PEPs,
 * another method. One whose name could be any word has parentheses, `add()`, or
 * is one of the server's own, as CPython's pages have it: `self.add`.
 */
const REFERENCE =
  /(?<url>(?:https?|ftp):\/\/[^\s<>"']*[\w\/])|\bRFC[- ]?(?<rfc>[0-9]{1,6})\b|\bPEP[- ]?(?<pep>[0-9]{1,4})\b|\bself\.(?<own>\w+(?:\.\w+)*)|\b\w+(?:\.\w+)+|\b\w+(?=\()/g;

/**
 * The page that tells people what can be called, as HTML. It has no script, and
 * all that it was given is escaped.
 */
export function documentationPage(
  documentation: XMLRPCDocumentation,
  methods: readonly XMLRPCMethodInfo[],
): string {
  const {
    title = "XML-RPC server documentation",
    name = title,
    introduction = "This server offers the following methods over XML-RPC.",
  } = documentation;
  const names = new Set(methods.map(({ name }) => name));
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(name)}</h1>
${paragraphs(introduction, names)}
<nav aria-label="Methods">
<h2>Methods</h2>
<ul>
${methods.map(({ name }) => `<li>${link(name)}</li>`).join("\n")}
</ul>
</nav>
<main>
<h2>Reference</h2>
${methods.map((method) => describe(method, names)).join("\n")}
</main>
</body>
</html>
`;
}

function describe(
  { name, signatures, parameters, help }: XMLRPCMethodInfo,
  names: ReadonlySet<string>,
): string {
  const heading = escapeHtml(name);
  const forms = signatures.length === 0 && parameters !== undefined
    ? [`(${escapeHtml(parameters.join(", "))})`]
    : signatures.map(types);
  const list = forms
    .map((form) => `<li><code>${heading}${form}</code></li>`)
    .join("\n");
  return `<section class="method" id="${anchor(name)}">
<h3>${heading}</h3>${list === "" ? "" : `\n<ul>\n${list}\n</ul>`}
${paragraphs(help, names)}
</section>`;
}

function types([result, ...params]: XMLRPCSignature): string {
  const span = (type: string) =>
    `<span class="type">${escapeHtml(type)}</span>`;
  return `(${params.map(span).join(", ")}) → ${span(result ?? "any")}`;
}

function paragraphs(text: string, names: ReadonlySet<string>): string {
  return text.split(/\n[ \t]*\n/)
    .map((paragraph) => paragraph.trim())
    .filter((paragraph) => paragraph !== "")
    .map((paragraph) => `<p>${markUp(paragraph, names)}</p>`)
    .join("\n");
}

/** Escapes text, and makes links of what it refers to. */
function markUp(text: string, names: ReadonlySet<string>): string {
  let html = "";
  let from = 0;
  for (const match of text.matchAll(REFERENCE)) {
    const [found] = match;
    const target = names.has(found) ? link(found) : reference(match, names);
    if (target === undefined) continue;
    html += escapeHtml(text.slice(from, match.index)) + target;
    from = match.index + found.length;
  }
  return html + escapeHtml(text.slice(from));
}

function reference(
  { 0: found, groups }: RegExpExecArray,
  names: ReadonlySet<string>,
): string | undefined {
  const { url, rfc, pep, own } = groups!;
  if (url !== undefined) return outside(url, found);
  if (rfc !== undefined) {
    return outside(`https://www.rfc-editor.org/rfc/rfc${Number(rfc)}`, found);
  }
  if (pep !== undefined) {
    const number = pep.padStart(4, "0");
    return outside(`https://peps.python.org/pep-${number}/`, found);
  }
  if (own === undefined || !names.has(own)) return undefined;
  return `self.${link(own)}`;
}

function link(name: string): string {
  const target = encodeURIComponent(anchor(name));
  return `<a href="#${target}"><code>${escapeHtml(name)}</code></a>`;
}

function outside(url: string, text: string): string {
  return `<a href="${escapeHtml(url)}">${escapeHtml(text)}</a>`;
}

/** An id must have no white space. */
function anchor(name: string): string {
  return `method-${encodeURIComponent(name.toWellFormed())}`;
}
