/**
 * Count a location by scanning: product after product, each scan one more.
 *
 * A line of a count is the whole quantity that was found, so the newest one that is unsent stands for those before it. The
 * service says what is booked, and books the differences when the count is closed.
 */

import { get } from "./api.js";
import { h } from "./dom.js";
import { isZero } from "./exact.js";
import { answered as answerOf, entries, isOpen, put } from "./outbox.js";
import { badge, button, link, live, quiet, section, table, timeAgo } from "./parts.js";
import { explain, locationOf, quantityBox, scannedProduct } from "./scan-parts.js";
import { knownProduct, learnProducts } from "./skus.js";
import { quantity, signed, t } from "./texts.js";

export const RIGHTS = ["start_count", "list_counts", "record_count_lines", "list_stock", "get_location_stock"];

const MOST_OPEN = 100;
const MOST_LISTED = 1000;
const MOST_NAMED = 100; // products whose names are looked up

let counted = { id: null, lines: new Map() }; // the newest line of each SKU that an answer had
let asked = null; // what is asked before it is done: "close" or "cancel"
let problem = null; // why the count could not be closed

const address = (id) => (id ? `/scan?mode=count&count=${id}` : "/scan?mode=count");

export function begin(desk, { query }) {
  asked = problem = null;
  const { count } = desk.state;
  desk.state.count = query.count ? { id: query.count, sku: count?.id === query.count ? count.sku : null } : null;
  desk.keep();
}

export async function load(desk, { query, signal }) {
  if (!query.count) {
    const { counts } = await get("/api/v1/counts", { status: "open", limit: MOST_OPEN }, { signal });
    return { counts, location: locationOf(query.location ?? "") };
  }
  const { count } = await get(`/api/v1/counts/${encodeURIComponent(query.count)}`, {}, { signal });
  const { stock } = await get(`/api/v1/locations/${count.location}/stock`, { limit: MOST_LISTED }, { signal });
  remember(count);
  await learnProducts([...counted.lines.keys(), ...stock.map((one) => one.sku)].slice(0, MOST_NAMED));
  return { count, stock };
}

/** Answers may come out of order: what was counted later is newer. */
function remember(count) {
  if (counted.id !== count.id) counted = { id: count.id, lines: new Map() };
  for (const line of count.lines) {
    const seen = counted.lines.get(line.sku);
    if (!seen || seen.counted_at <= line.counted_at) counted.lines.set(line.sku, line);
  }
}

/** The count that is shown; undefined before one is chosen. */
const countOf = (desk) => desk.shown.data.count;

export function next(desk, { count }) {
  if (!count) return t("scan.next.count");
  return count.status === "open" ? t("scan.next.counted") : t("scan.next.count");
}

// Scans

export async function take(desk, code) {
  const location = locationOf(code);
  const count = countOf(desk);
  const isOpenCount = count?.status === "open";
  if (location && !isOpenCount) return startCount(desk, location);
  if (location === count?.location) return desk.say(t("scan.counting_here", { location }));
  if (location) return desk.say(t("scan.counting_elsewhere", { location, here: count.location }), "bad");
  const product = await scannedProduct(desk, code);
  if (!product) return;
  if (!isOpenCount) return desk.say(t("scan.location_first", { name: product.name }), "bad");
  asked = problem = null;
  record(desk, product, found(count.id, product.sku) + 1);
}

export function confirm() {}

/** Start a count, or go on with the one that is open. */
async function startCount(desk, location) {
  try {
    if (await continueCount(desk, location)) return;
  } catch (error) {
    return desk.say(error.message, "bad");
  }
  const request = { method: "POST", path: "/api/v1/counts", body: { location } };
  const entry = await answerOf(put({ kind: "start", about: { location }, request }));
  if (entry.state === "done") open(desk, entry.answer.count.id);
  else await continueCount(desk, location).catch(() => null);
}

async function continueCount(desk, location) {
  const { counts } = await get("/api/v1/counts", { location, status: "open", limit: 1 });
  if (counts.length) open(desk, counts[0].id);
  return counts.length > 0;
}

function open(desk, id) {
  if (!desk.shown.context.signal.aborted) desk.shown.context.go(address(id));
}

const unsentLines = (id) => entries().filter((entry) => entry.kind === "line" && entry.about.countId === id && isOpen(entry));

/** How many were found so far: what is on its way, else what the service has. */
function found(id, sku) {
  const unsent = unsentLines(id).findLast((entry) => entry.about.sku === sku);
  if (unsent) return unsent.about.quantity;
  return counted.id === id ? Number(counted.lines.get(sku)?.counted ?? 0) : 0;
}

function record(desk, { sku, name }, number) {
  const count = countOf(desk);
  desk.state.count.sku = sku;
  put({
    kind: "line",
    about: { countId: count.id, sku, name, quantity: number },
    request: { method: "POST", path: `/api/v1/counts/${count.id}/lines`, body: { lines: [{ sku, quantity: number }] } },
    instead: unsentLines(count.id).findLast((entry) => entry.about.sku === sku)?.key,
  });
  desk.keep();
  desk.say(t("scan.taken", { quantity: quantity(String(number)), name }), "good");
}

/** A change of a count has an answer. */
export function answered(desk, entry) {
  const { data } = desk.shown;
  const count = entry.answer?.count;
  if (count && data.count?.id === count.id) {
    remember(count);
    data.count = count;
  }
  if (entry.kind === "close") {
    asked = null;
    problem = entry.state === "done" ? null : explain(entry);
    if (entry.state === "done") desk.say(t("scan.closed", { location: entry.about.location }), "good");
  }
  if (entry.kind === "cancel" && entry.state === "done") desk.say(t("scan.cancelled", { location: entry.about.location }));
  if (entry.kind !== "line") desk.again();
}

function finish(desk, kind) {
  const { id, location } = countOf(desk);
  put({ kind, about: { countId: id, location }, request: { method: "POST", path: `/api/v1/counts/${id}/${kind}` } });
}

const isFinishing = (id) => entries().some((entry) => ["close", "cancel"].includes(entry.kind) && entry.about.countId === id && isOpen(entry));

// What is shown

export function render(desk, { count, location }) {
  if (!count) return location ? invitation(desk, location) : null;
  return count.status === "open" ? counting(desk, count) : result(count);
}

function invitation(desk, location) {
  return h("section.card.below", { key: "invitation" }, [
    h("p.big", location),
    h("div.actions", button(t("scan.start_count", { location }), () => desk.scan(location), "primary")),
  ]);
}

/** The lines as they are shown: what the service knows, and what is on its way. */
function linesOf(count) {
  const lines = new Map([...counted.lines].map(([sku, line]) => [sku, { ...line, name: nameOf(sku) }]));
  for (const { about } of unsentLines(count.id)) {
    lines.set(about.sku, { sku: about.sku, name: about.name, counted: String(about.quantity), booked: null, difference: null, isUnsent: true });
  }
  return [...lines.values()].sort((one, other) => (one.sku < other.sku ? -1 : 1));
}

const nameOf = (sku) => knownProduct(sku)?.name ?? sku;

function counting(desk, count) {
  const lines = linesOf(count);
  const line = lines.find((one) => one.sku === desk.state.count?.sku);
  return [
    h("div.card.below", { key: "count" }, [
      h("div.head", [
        h("div", [h("h2", t("scan.count_of")), h("p.big", link(`/locations/${count.location}`, count.location))]),
        h("p.quiet", [t("scan.started_by", { who: count.started_by }), " ", timeAgo(count.started_at)]),
      ]),
      line ? current(desk, line) : h("p.slot", t("scan.slot.product")),
      h("div.actions", [
        h("button.primary", { type: "button", "aria-expanded": String(asked === "close"), onclick: () => ask(desk, "close") }, t("scan.close")),
        h("button", { type: "button", "aria-expanded": String(asked === "cancel"), onclick: () => ask(desk, "cancel") }, t("scan.cancel")),
        h("a.button", { href: "/board/scan?mode=count" }, t("scan.other_location")),
      ]),
      problem && h("p.problem", { role: "alert" }, problem),
      asked && question(desk, count, lines),
    ]),
    section(t("scan.lines"), lines.length ? lineTable(desk, lines) : quiet(t("scan.lines_none")), { key: "lines", class: "flush" }),
  ];
}

function current(desk, line) {
  return h("div.items", [
    h("p.big.name", line.name),
    h("p.quiet.code", line.sku),
    quantityBox({
      label: t("scan.quantity_of", { name: line.name }),
      value: Number(line.counted),
      minimum: 0,
      set: (number) => record(desk, line, number),
      scan: (code) => desk.scan(code),
    }),
  ]);
}

function lineTable(desk, lines) {
  return table(t("scan.lines"), [
    { title: t("stock.product"), class: "wide", cell: (line) => [line.name, line.isUnsent && badge(t("scan.state.waiting"))] },
    { title: t("stock.sku"), class: "code", cell: (line) => line.sku },
    { title: t("scan.counted"), class: "number strong", cell: (line) => live(quantity(line.counted)) },
    { title: t("scan.booked"), class: "number", cell: (line) => (line.booked === null ? "" : quantity(line.booked)) },
    { title: t("scan.difference"), class: "number", cell: (line) => (line.difference === null ? "" : differenceBadge(line.difference)) },
    { title: "", class: "act", cell: (line) => h("button.small", { type: "button", "aria-label": t("scan.change_line", { name: line.name }), onclick: () => choose(desk, line.sku) }, t("scan.change")) },
  ], lines, (line) => line.sku);
}

const differenceBadge = (difference) => (isZero(difference) ? "0" : badge(signed(difference), difference.startsWith("-") ? "bad" : "warn"));

function choose(desk, sku) {
  desk.state.count.sku = sku;
  desk.keep();
  desk.refresh();
}

function ask(desk, what) {
  asked = asked === what ? null : what;
  problem = null;
  desk.again();
}

/** What will be booked, before it is. */
function question(desk, count, lines) {
  const unsent = unsentLines(count.id).length;
  const isWaiting = unsent > 0 || isFinishing(count.id);
  const differences = lines.filter((line) => line.difference && !isZero(line.difference));
  const texts = asked === "cancel"
    ? [t("scan.cancel_what", { count: lines.length })]
    : [
        differences.length ? t("scan.close_what", { count: differences.length }) : t("scan.close_nothing"),
        unsent > 0 && t("scan.close_unsent", { count: unsent }),
      ];
  return h("div.question", { key: asked }, [
    texts.filter(Boolean).map((text) => h("p", text)),
    asked === "close" && h("ul", differences.map((line) => h("li", { key: line.sku }, [
      differenceBadge(line.difference), " ", line.name, " ", h("span.quiet", t("scan.found_of", { counted: quantity(line.counted), booked: quantity(line.booked) })),
    ]))),
    h("div.actions", h("button", {
      type: "button", class: asked === "cancel" ? "danger" : "primary", "aria-disabled": isWaiting ? "true" : null, onclick: () => isWaiting || finish(desk, asked),
    }, t(isWaiting ? "form.sending" : asked === "cancel" ? "scan.cancel_now" : "scan.close_now"))),
  ]);
}

/** A count that has ended. */
function result(count) {
  const booked = count.lines.filter((line) => !isZero(line.difference));
  return [
    h("div.card.below", { key: "count" }, [
      h("div.head", [
        h("div", [h("h2", t("scan.count_of")), h("p.big", link(`/locations/${count.location}`, count.location))]),
        h("p.quiet", [t(`scan.${count.status}_by`, { who: count.closed_by }), " ", timeAgo(count.closed_at)]),
      ]),
      h("p", count.status === "closed" ? t("scan.booked_what", { count: booked.length }) : t("scan.booked_nothing")),
      h("div.actions", h("a.button", { href: "/board/scan?mode=count" }, t("scan.other_location"))),
    ]),
    count.lines.length > 0 && section(t("scan.lines"), table(t("scan.lines"), [
      { title: t("stock.product"), class: "wide", cell: (line) => nameOf(line.sku) },
      { title: t("stock.sku"), class: "code", cell: (line) => line.sku },
      { title: t("scan.counted"), class: "number strong", cell: (line) => quantity(line.counted) },
      { title: t("scan.booked"), class: "number", cell: (line) => quantity(line.booked) },
      { title: t("scan.difference"), class: "number", cell: (line) => differenceBadge(line.difference) },
    ], count.lines, (line) => line.sku), { key: "lines", class: "flush" }),
  ];
}

export function aside(desk, { count, counts, stock }) {
  if (!count) {
    return section(t("scan.open_counts"), counts.length ? h("ol.done", counts.map((one) => h("li", { key: one.id }, [
      h("div.what", [h("p.strong", link(address(one.id), one.location)), h("p.quiet", t("scan.line_count", { count: one.lines.length }))]),
      h("div.how", [one.started_by, " ", timeAgo(one.started_at)]),
      h("div.actions", h("a.button.small", { href: `/board${address(one.id)}` }, t("scan.continue"))),
    ]))) : quiet(t("scan.open_none")), { key: "open", class: "aside" });
  }
  if (count.status !== "open") return null;
  const missing = stock.filter((one) => !counted.lines.has(one.sku));
  return section(t("scan.not_counted"), missing.length ? [
    quiet(t("scan.not_counted_why")),
    h("ul.done", missing.map((one) => h("li", { key: one.sku }, [
      h("div.what", [h("p.strong", nameOf(one.sku)), h("p.quiet.code", one.sku)]),
      h("div.how", [t("scan.booked"), " ", live(quantity(one.quantity))]),
    ]))),
  ] : quiet(t("scan.not_counted_none")), { key: "missing", class: "aside" });
}
