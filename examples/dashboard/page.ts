/** How many values a graph shows. */
const POINTS = 120;

/** The style of the page. Its colours are those of the browser's scheme. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f4f5f7; --card: #fff; --text: #1c2330; --quiet: #5a6474;
  --line: #dde1e7; --accent: #1f6feb; --bad: #b42318; --good: #17803d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1318; --card: #181e26; --text: #e4e8ee; --quiet: #9aa5b4;
    --line: #2d3641; --accent: #6aa6ff; --bad: #ff8a7a; --good: #5fd38a;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0 auto; max-width: 84rem; padding: 1rem;
  background: var(--page); color: var(--text);
  font: 1rem/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums;
}
body > header { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; }
h1 { font-size: 1.4rem; margin: 0; flex: 1; }
h2 { font-size: 1.15rem; margin: 0; flex: 1; text-transform: capitalize; }
h3 { font-size: .95rem; margin: 1.25rem 0 .4rem; }
#state { margin: 0; color: var(--bad); }
#state.live { color: var(--good); }
#state::before { content: "● "; }
main {
  display: grid; gap: 1rem; margin-top: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr));
}
main.stale { opacity: .55; }
section {
  background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1rem; min-width: 0;
}
section > header { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; }
.quiet, dt, th { color: var(--quiet); font-size: .85rem; font-weight: normal; }
p { margin: .25rem 0; }
.numbers {
  display: grid; gap: .75rem; margin: 1rem 0 0;
  grid-template-columns: repeat(auto-fill, minmax(7rem, 1fr));
}
.numbers dd { margin: 0; font-size: 1.2rem; overflow-wrap: anywhere; }
.graphs { display: grid; gap: 1rem; grid-template-columns: 1fr 1fr; align-items: end; margin-top: 1rem; }
figure { margin: 0; min-width: 0; }
svg { display: block; width: 100%; height: 3rem; border-bottom: 1px solid var(--line); }
svg path { fill: none; stroke: var(--accent); stroke-width: 2; vector-effect: non-scaling-stroke; }
.workers { list-style: none; margin: 0; padding: 0; }
.workers li { display: grid; grid-template-columns: 5.5rem 1fr auto; gap: .5rem; align-items: center; }
.bar { height: .6rem; border-radius: .3rem; background: var(--line); overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--accent); }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; }
th, td { padding: .3rem .5rem .3rem 0; border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; }
td:last-child, th:last-child { text-align: right; padding-right: 0; }
button {
  font: inherit; font-size: .9rem; min-height: 2rem; padding: .2rem .75rem;
  color: var(--bad); background: none; border: 1px solid; border-radius: .4rem; cursor: pointer;
}
button:hover, button:focus-visible { background: var(--bad); color: var(--card); }
button:disabled { color: var(--quiet); background: none; cursor: default; }
@media (max-width: 40rem) {
  body { padding: .75rem; }
  section { padding: .75rem; }
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  tr { display: grid; grid-template-columns: 1fr 1fr 1fr; gap: .35rem .5rem; padding: .6rem 0; border-bottom: 1px solid var(--line); }
  td { border: 0; padding: 0; font-size: .9rem; }
  td:first-child { grid-column: 1 / 3; grid-row: 1; font-size: 1rem; }
  td:last-child { grid-column: 3; grid-row: 1; }
  td[data-label]::before { content: attr(data-label); display: block; color: var(--quiet); font-size: .8rem; }
  button { min-height: 2.5rem; }
}
`;

/**
 * What the page does. What servers and clients are called is put in as text alone,
 * and what stays on the page stays the same element, so that a button does not
 * vanish under the finger that presses it.
 */
export const SCRIPT = `
"use strict";
const POINTS = ${POINTS};
const get = (selector, within = document) => within.querySelector(selector);
const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, notation: "compact" });
const bytes = (n) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return short.format(n) + "\\u00a0" + units[i];
};
const time = (ms) =>
  ms === null ? "–"
    : ms < 1000 ? short.format(ms) + "\\u00a0ms"
    : ms < 120e3 ? short.format(ms / 1000) + "\\u00a0s"
    : ms < 7200e3 ? Math.round(ms / 60e3) + "\\u00a0min"
    : Math.round(ms / 3600e3) + "\\u00a0h";
const total = (counts) => Object.values(counts).reduce((sum, n) => sum + n, 0);
const reasons = (counts) =>
  Object.entries(counts).filter(([, n]) => n > 0).map(([why, n]) => why + " " + n).join(", ");

/** Keeps one child of an element for each item, in their order. */
function keep(parent, items, keyOf, make, update) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, i) => {
    const key = String(keyOf(item));
    const child = old.get(key) ?? make(item);
    old.delete(key);
    child.dataset.key = key;
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null);
    update(child, item);
  });
  for (const child of old.values()) child.remove();
}

/** A copy of what a template holds. */
const copy = (id) => get("#" + id).content.firstElementChild.cloneNode(true);

/** Puts texts where elements ask for them. */
function fill(element, texts) {
  for (const [name, text] of Object.entries(texts)) {
    const place = get("[data-text=" + name + "]", element);
    if (place.textContent !== text) place.textContent = text;
  }
}

/** Draws the latest of a number, and tells their peak. */
function draw(element, name, value, format) {
  const figure = get("[data-graph=" + name + "]", element);
  const points = figure.points ??= [];
  points.push(value ?? 0);
  if (points.length > POINTS) points.shift();
  const peak = Math.max(...points);
  const y = (n) => (29 - 28 * n / (peak || 1)).toFixed(2);
  get("path", figure).setAttribute(
    "d",
    points.map((n, i) => (i ? "L" : "M") + (POINTS - points.length + i) + " " + y(n)).join(" "),
  );
  fill(figure, { peak: "peak " + (value === null && peak === 0 ? "–" : format(peak)) });
}

function showServer(section, server, now) {
  const { stats, rates, durations, waits, connections, more } = server;
  const { workers } = stats;
  fill(section, {
    name: server.name, address: server.address,
    active: whole.format(stats.active), waiting: whole.format(stats.waiting),
    lingering: whole.format(stats.lingering), acceptedRate: short.format(rates.accepted) + "/s",
    bytesIn: bytes(rates.bytesIn) + "/s", bytesOut: bytes(rates.bytesOut) + "/s",
    median: time(durations.median), p99: time(durations.p99), wait: time(waits.p99),
    refused: whole.format(total(stats.refused)), failed: whole.format(stats.failed),
    aborted: whole.format(total(stats.aborted)),
    reasons: reasons({ ...stats.refused, ...stats.aborted }),
    up: "up " + time(now - stats.since) + ", " + whole.format(stats.accepted) + " accepted",
    clients: whole.format(connections.length + more),
    more: more > 0 ? "and " + whole.format(more) + " more" : "",
  });
  draw(section, "bytesIn", rates.bytesIn, (n) => bytes(n) + "/s");
  draw(section, "p99", durations.p99, time);
  get(".pool", section).hidden = workers === undefined;
  if (workers !== undefined) {
    fill(section, {
      kind: workers.kind,
      pool: workers.running.length + " of " + workers.most + " run, " + workers.starting +
        " starting, " + workers.lost + " lost, " + workers.replaced + " replaced",
    });
    const most = Math.max(1, ...workers.running.map(({ load }) => load));
    const one = workers.kind === "threads" ? "Thread " : "Process ";
    keep(get(".workers", section), workers.running, ({ id }) => id, () => copy("worker"), (row, worker) => {
      fill(row, { id: one + worker.id, load: whole.format(worker.load) });
      get("i", row).style.width = 100 * worker.load / most + "%";
    });
  }
  get("table", section).hidden = connections.length === 0;
  keep(get("tbody", section), connections, ({ id }) => id, (client) => {
    const row = copy("client");
    const button = get("button", row);
    button.setAttribute("aria-label", "Close " + client.address);
    button.onclick = () => close(button, "/close/" + server.name + "/" + client.id);
    return row;
  }, (row, client) => fill(row, {
    client: client.address, state: client.state, age: time(now - client.since),
    in: bytes(client.bytesIn), out: bytes(client.bytesOut), buffered: bytes(client.buffered),
  }));
}

async function close(button, path) {
  button.disabled = true;
  try {
    const { ok, status } = await fetch(path, { method: "POST" });
    // 404: it had gone by itself. The next event takes the row away.
    if (ok || status === 404) return;
  } catch {
    // The server is gone, which the state tells.
  }
  button.disabled = false;
}

const state = get("#state");
function tell(live) {
  state.className = live ? "live" : "";
  get("main").className = live ? "" : "stale";
  const text = live ? "Live" : "No connection, trying again";
  if (state.textContent !== text) state.textContent = text;
}
const events = new EventSource("/events");
events.onmessage = ({ data }) => {
  const { time, servers } = JSON.parse(data);
  tell(true);
  keep(get("main"), servers, ({ name }) => name, () => copy("server"),
    (section, server) => showServer(section, server, time));
};
events.onerror = () => tell(false);
`;

const numbers = [
  ["Active", "active"],
  ["Waiting", "waiting"],
  ["Lingering", "lingering"],
  ["New", "acceptedRate"],
  ["In", "bytesIn"],
  ["Out", "bytesOut"],
  ["Took, median", "median"],
  ["Took, 99th %", "p99"],
  ["Waited, 99th %", "wait"],
  ["Refused", "refused"],
  ["Failed", "failed"],
  ["Aborted", "aborted"],
].map(([label, name]) =>
  `<div><dt>${label}</dt><dd data-text="${name}"></dd></div>`
).join("");

const graphs = [
  ["In", "bytesIn"],
  ["Took, 99th %", "p99"],
].map(([label, name]) =>
  `<figure data-graph="${name}"><figcaption class="quiet">${label}, <span data-text="peak"></span></figcaption><svg viewBox="0 0 ${
    POINTS - 1
  } 30" preserveAspectRatio="none" aria-hidden="true"><path/></svg></figure>`
).join("");

const cells = [["State", "state"], ["Age", "age"], ["In", "in"], [
  "Out",
  "out",
], ["Unsent", "buffered"]] as const;

/** The whole page. It loads nothing. */
export const PAGE = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Servers at work</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
<header><h1>Servers at work</h1><p id="state" role="status">Connecting</p></header>
<main></main>
<noscript>This page needs JavaScript to show what happens.</noscript>
<template id="server"><section>
<header><h2 data-text="name"></h2><span class="quiet" data-text="address"></span><span class="quiet" data-text="up"></span></header>
<dl class="numbers">${numbers}</dl>
<p class="quiet" data-text="reasons"></p>
<div class="graphs">${graphs}</div>
<div class="pool"><h3>Connections of its <span data-text="kind"></span></h3>
<ul class="workers"></ul><p class="quiet" data-text="pool"></p></div>
<h3>Clients: <span data-text="clients"></span></h3>
<table><thead><tr><th>Address</th>${
  cells.map(([label]) => `<th>${label}</th>`).join("")
}<th></th></tr></thead><tbody></tbody></table>
<p class="quiet" data-text="more"></p>
</section></template>
<template id="worker"><li><span data-text="id"></span><span class="bar"><i></i></span><span data-text="load"></span></li></template>
<template id="client"><tr><td data-text="client"></td>${
  cells.map(([label, name]) =>
    `<td data-label="${label}" data-text="${name}"></td>`
  ).join("")
}<td><button type="button">Close</button></td></tr></template>
<script>${SCRIPT}</script>
</html>
`;
