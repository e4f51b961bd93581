import { createHash } from "node:crypto";

/** How a listing looks. Colours are named once, for light and for dark. */
export const DIRECTORY_STYLE = `
:root {
  color-scheme: light dark;
  --text: #1f2328;
  --quiet: #636c76;
  --link: #0b57b7;
  --page: #f6f7f9;
  --card: #ffffff;
  --line: #e3e6ea;
  --hover: #f1f5fb;
  --folder: #d99a1c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6e8eb;
    --quiet: #949ca6;
    --link: #7db7ff;
    --page: #111418;
    --card: #191d23;
    --line: #2a3038;
    --hover: #202731;
    --folder: #e0ad4b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto;
  max-width: 60rem;
  padding: 2rem 1rem;
  background: var(--page);
  color: var(--text);
  font: 0.9375rem/1.5 system-ui, sans-serif;
}
h1 { margin: 0 0 0.25rem; font-size: 1.25rem; overflow-wrap: anywhere; }
h1 .slash { color: var(--quiet); font-weight: 400; padding: 0 0.15em; }
p { margin: 0 0 1rem; color: var(--quiet); font-size: 0.875rem; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
table {
  width: 100%;
  border-collapse: separate;
  border-spacing: 0;
  border: 1px solid var(--line);
  border-radius: 0.625rem;
  background: var(--card);
  overflow: hidden;
}
th, td { padding: 0.5rem 1rem; text-align: left; }
th { border-bottom: 1px solid var(--line); font-weight: 600; white-space: nowrap; }
th a { color: var(--quiet); font-size: 0.8125rem; }
th[aria-sort] a { color: var(--text); }
tr + tr td { border-top: 1px solid var(--line); }
tbody tr:hover { background: var(--hover); }
td { overflow-wrap: anywhere; }
td:first-child a { display: flex; gap: 0.625rem; align-items: flex-start; }
svg { flex: none; width: 1.125rem; height: 1.125rem; margin-top: 0.1875rem; fill: var(--quiet); }
svg.icons { display: none; }
svg.folder { fill: var(--folder); }
th:nth-child(2), td:nth-child(2) { text-align: right; width: 8rem; }
th:nth-child(3), td:nth-child(3) { width: 12rem; }
td:nth-child(n + 2) {
  color: var(--quiet);
  font-variant-numeric: tabular-nums;
  white-space: nowrap;
}
td.empty { padding: 2.5rem 1rem; color: var(--quiet); text-align: center; }
@media (max-width: 36rem) {
  body { padding: 1rem 0.5rem; }
  h1, p { padding: 0 0.5rem; }
  th, td { padding: 0.5rem; }
  th:nth-child(2), td:nth-child(2) { width: 5.5rem; }
  th:nth-child(3), td:nth-child(3) { width: 7rem; }
  td .time { display: none; }
}
`;

/**
 * What a browser may do with a listing: use this style, and nothing else. No
 * name of a file can make it do more.
 */
export const DIRECTORY_POLICY: string = [
  "default-src 'none'",
  `style-src 'sha256-${
    createHash("sha256").update(DIRECTORY_STYLE).digest("base64")
  }'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join("; ");
