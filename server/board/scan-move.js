/**
 * Move by scanning: from where, what, to where. Each product is an order of its own: Transfer, Add into a location, or Remove
 * from one.
 */

import { get } from "./api.js";
import { h } from "./dom.js";
import { drop, entries, isOpen, note, put, waitsForUser } from "./outbox.js";
import { badge, button, link, quiet, section, timeAgo } from "./parts.js";
import { explain, locationOf, quantityBox, scannedProduct } from "./scan-parts.js";
import { quantity, t } from "./texts.js";

export const RIGHTS = ["place_order", "list_stock", "get_location_stock"];

const ACTIONS = {
  transfer: { type: "Transfer", steps: ["from", "items", "to"] },
  add: { type: "Add", steps: ["items", "to"] },
  remove: { type: "Remove", steps: ["from", "items", "confirm"] },
};
const MOST_LISTED = 200;
const LATEST = 12;

const EMPTY = { from: null, items: [], history: [] };

/** What is being moved: {action, from, items: [{sku, name, quantity}], reason, history: what was there before each scan}. */
function moveOf({ state }) {
  state.move ??= { action: "transfer", reason: "", ...structuredClone(EMPTY) };
  return state.move;
}

/** The address may say what to begin with: from, sku, action. */
export function begin(desk, { query }) {
  const move = moveOf(desk);
  if (!query.from && !query.action && !query.sku) return;
  Object.assign(move, structuredClone(EMPTY), { action: Object.hasOwn(ACTIONS, query.action) ? query.action : "transfer", from: locationOf(query.from ?? "") ?? null });
  history.replaceState(null, "", "/board/scan"); // so that a reload does not begin again
  if (query.sku && !desk.state.arrivals.length) desk.state.arrivals.push({ code: query.sku, mode: "move" });
  desk.keep();
}

/** What lies where it comes from. Without a location it asks whether the service is there. */
export async function load(desk, { signal }) {
  const { from } = moveOf(desk);
  if (!from) return void (await get("/api/v1/art-orders-health", {}, { signal }));
  try {
    return { here: await get(`/api/v1/locations/${from}/stock`, { limit: MOST_LISTED }, { signal }) };
  } catch (error) {
    if (error.code === "LOCATION_NOT_FOUND") return { here: { location: from, stock: [], total: "0" } };
    throw error;
  }
}

/** What to scan now. */
export function next(desk) {
  const move = moveOf(desk);
  return t(`scan.next.${move.action}.${stepOf(move)}`, { from: move.from });
}

function stepOf({ action, from, items }) {
  const { steps } = ACTIONS[action];
  if (steps.includes("from") && !from) return "from";
  return items.length ? steps.at(-1) : "items";
}

// Scans

export async function take(desk, code) {
  const location = locationOf(code);
  if (location) return takeLocation(desk, location);
  const product = await scannedProduct(desk, code);
  if (product && stepOf(moveOf(desk)) === "from") desk.say(t("scan.from_first", { name: product.name }), "bad");
  else if (product) takeProduct(desk, product);
}

function takeLocation(desk, location) {
  const move = moveOf(desk);
  const step = stepOf(move);
  if (step === "to") {
    if (location === move.from) return desk.say(t("scan.same_location", { location }), "bad");
    return send(desk, location);
  }
  if (step === "confirm") return location === move.from ? send(desk, null) : desk.say(t("scan.confirm_other", { location, from: move.from }), "bad");
  if (move.action === "add") return desk.say(t("scan.product_first", { code: location }), "bad");
  remember(move);
  move.from = location;
  desk.say(t("scan.from", { location }), "good");
  desk.again();
}

function takeProduct(desk, product) {
  const move = moveOf(desk);
  remember(move);
  const item = move.items.find((one) => one.sku === product.sku);
  if (item) item.quantity += 1;
  else move.items.push({ ...product, quantity: 1 });
  desk.say(t("scan.taken", { quantity: quantity(String(item?.quantity ?? 1)), name: product.name }), "good");
}

/** Enter without a code: it confirms what is taken out. */
export function confirm(desk) {
  if (stepOf(moveOf(desk)) === "confirm") send(desk, null);
}

function remember(move) {
  move.history.push(structuredClone({ from: move.from, items: move.items }));
}

function undo(desk) {
  const move = moveOf(desk);
  Object.assign(move, move.history.pop());
  desk.keep();
  desk.say(t("scan.undone"));
  desk.again();
}

function clear(desk, action) {
  Object.assign(moveOf(desk), structuredClone(EMPTY), action ? { action } : {});
  desk.keep();
  desk.again();
}

/** Put the orders in the outbox, one for each product. */
function send(desk, to) {
  const move = moveOf(desk);
  for (const { sku, name, quantity: number, product_id } of move.items) {
    order({ type: ACTIONS[move.action].type, sku, name, product_id, quantity: number, from: move.from, to, reason: move.reason.trim() });
  }
  desk.say(t("scan.sent", { what: whatOf(move.items), way: way({ from: move.from, to }) }), "good");
  clear(desk);
}

function order({ type, sku, name, product_id, quantity: number, from, to, reason, undoes }) {
  const body = { type, sku, quantity: number };
  if (from) body.from_location = from;
  if (to) body.to_location = to;
  if (reason) body.reason = reason;
  put({
    kind: "move",
    about: { type, sku, name, product_id, quantity: number, from, to, undoes },
    request: { method: "POST", path: "/api/v1/art_order", body },
  });
}

/** An order has an answer. */
export function answered(desk, entry) {
  if (entry.about.undoes) note(entry.about.undoes, { back: entry.state });
  if (entry.state === "done") desk.again();
}

/** The opposite order. */
function moveBack(desk, { key, about, answer }) {
  const type = { Transfer: "Transfer", Add: "Remove", Remove: "Add" }[about.type];
  note(key, { back: "waiting" });
  order({ ...about, type, from: about.to, to: about.from, reason: t("scan.back_reason", { id: answer.operation_id }), undoes: key });
  desk.say(t("scan.sent", { what: whatOf([about]), way: way({ from: about.to, to: about.from }) }), "good");
}

/** Put a refused order on the desk again, to be changed. */
function tryAgain(desk, { key, about }) {
  const action = Object.keys(ACTIONS).find((name) => ACTIONS[name].type === about.type);
  const { sku, name, product_id, quantity: number } = about;
  Object.assign(moveOf(desk), { action, from: about.from, items: [{ sku, name, product_id, quantity: number }], history: [] });
  drop(key);
  desk.keep();
  desk.say(next(desk));
  desk.again();
}

const whatOf = (items) => items.map((item) => `${quantity(String(item.quantity))} × ${item.name}`).join(", ");
const way = ({ from, to }) => [from ?? t("scan.outside"), to ?? t("scan.outside")].join(" → ");

// What is shown

export function render(desk, { here }) {
  const move = moveOf(desk);
  const step = stepOf(move);
  const contents = here?.location === move.from ? here : null;
  return [
    h("div.chips", { role: "group", "aria-label": t("scan.action"), key: "actions" }, Object.keys(ACTIONS).map((name) =>
      h("button.chip", { type: "button", "aria-pressed": String(name === move.action), onclick: () => clear(desk, name) }, t(`scan.action.${name}`)))),
    h("ol.path", { key: "path" }, ACTIONS[move.action].steps.map((name) =>
      h("li.card", { key: name, class: name === step ? "now" : "", "aria-current": name === step ? "step" : null }, [
        h("h2", t(`scan.step.${name}`)),
        name === "items" ? items(desk, move, contents) : name === "from" ? from(move, contents) : end(desk, move, name),
      ]))),
    h("div.card.below", { key: "below" }, [
      h("label.choice", { for: "reason" }, h("span", t("scan.reason"), h("span.optional", t("form.optional")))),
      h("input", { id: "reason", type: "text", maxlength: 255, autocomplete: "off", value: move.reason, oninput: (event) => (move.reason = event.target.value, desk.keep()) }),
      h("div.actions", [
        h("button", { type: "button", disabled: !move.history.length, onclick: () => undo(desk) }, t("scan.undo")),
        h("button", { type: "button", disabled: !move.from && !move.items.length, onclick: () => clear(desk) }, t("scan.clear")),
      ]),
    ]),
  ];
}

function from(move, contents) {
  if (!move.from) return h("p.slot", t("scan.slot.place"));
  return [h("p.big", move.from), contents && h("p.quiet", t("scan.here", { count: contents.total }))];
}

function items(desk, move, contents) {
  if (!move.items.length) return h("p.slot", t("scan.slot.product"));
  return h("ul.items", move.items.map((item) => {
    const held = contents && (contents.stock.find((one) => one.sku === item.sku)?.quantity ?? (contents.stock.length < MOST_LISTED ? "0" : null));
    const set = (number) => {
      remember(move);
      item.quantity = number;
      desk.keep();
      desk.refresh();
    };
    return h("li", { key: item.sku }, [
      h("p.big.name", item.name),
      h("p.quiet", [h("span.code", item.sku), held !== null && held !== undefined && [" · ", t("scan.held_here", { held: quantity(held) })]]),
      held && Number(held) < item.quantity && badge(t("scan.too_many"), "bad"),
      item.isUnchecked && badge(t("scan.unchecked"), "warn"),
      quantityBox({ label: t("scan.quantity_of", { name: item.name }), value: item.quantity, minimum: 1, set, scan: (code) => desk.scan(code) }),
    ]);
  }));
}

function end(desk, move, name) {
  const isReady = move.items.length > 0;
  if (name === "to") return h("p.slot", t("scan.slot.place"));
  return [
    h("p.slot", t("scan.slot.again")),
    isReady && button(t("scan.take_out", { what: whatOf(move.items) }), () => send(desk, null), "primary"),
  ];
}

/** What was done in this tab. */
export function aside(desk) {
  const done = entries().filter((entry) => entry.kind === "move").reverse();
  if (!done.length) return section(t("scan.done_here"), quiet(t("scan.done_none")), { key: "done", class: "aside" });
  return section(t("scan.done_here"), h("ol.done", done.slice(0, Math.max(LATEST, done.filter(isOpen).length)).map((entry) => doneRow(desk, entry))), { key: "done", class: "aside" });
}

function doneRow(desk, entry) {
  const { about, state } = entry;
  const what = [quantity(String(about.quantity)), " × ", about.product_id ? link(`/products/${about.product_id}`, about.name) : about.name];
  return h("li", { key: entry.key }, [
    h("div.what", [h("p.strong", what), h("p", [placeLink(about.from), " → ", placeLink(about.to)])]),
    h("div.how", [state === "done" ? timeAgo(entry.answer.timestamp) : stateBadge(entry), about.back === "done" && badge(t("scan.moved_back"))]),
    state === "refused" && h("p.error", explain(entry)),
    h("div.actions", [
      state === "done" && !about.undoes && !["waiting", "done"].includes(about.back) && h("button.small", { type: "button", onclick: () => moveBack(desk, entry) }, t("scan.move_back")),
      state === "refused" && h("button.small", { type: "button", onclick: () => tryAgain(desk, entry) }, t("scan.change")),
      ["refused", "lost"].includes(state) && h("button.small", { type: "button", onclick: () => drop(entry.key) }, t("scan.dismiss")),
    ]),
  ]);
}

const placeLink = (code) => (code ? link(`/locations/${code}`, code) : h("span.quiet", t("scan.outside")));

const MEANINGS = { waiting: "plain", sending: "plain", unknown: "warn", refused: "bad", lost: "bad" };

const stateBadge = (entry) => badge(t(waitsForUser(entry) ? "scan.state.log_in" : `scan.state.${entry.state}`), MEANINGS[entry.state]);
