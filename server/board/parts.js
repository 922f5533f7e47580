/** Parts that several pages are made of. Each returns an element, from data alone. */

import { h, svg } from "./dom.js";
import { isZero } from "./exact.js";
import { ago, exactMoment, left, moment, quantity, t } from "./texts.js";

/** A link within the board. */
export const link = (path, ...children) => h("a", { href: `/board${path}` }, ...children);

export const productLink = (product) => link(`/products/${product.product_id ?? product.id}`, product.name);

/** A titled part of a page. `actions`: what stands beside the title. */
export function section(title, content, { actions, key, class: more } = {}) {
  const id = `part-${key ?? title.replace(/\W+/g, "-")}`;
  return h("section.card", { key, class: more, "aria-labelledby": id }, [h("div.head", [h("h2", { id }, title), actions]), content]);
}

export const quiet = (text) => h("p.quiet", text);

/** A small label with a meaning: good, warn, bad or plain. */
export const badge = (text, meaning = "plain") => h("span.badge", { class: meaning }, text);

/** A number that flashes when it changes. */
export const live = (text) => h("span.live", text);

/**
 * A table. Columns: {title, cell: (row) => child, class}. `key`: (row) => text that tells rows apart.
 * On a narrow screen each row becomes a card, and each cell says its column's title.
 */
export function table(caption, columns, rows, key) {
  return h("table", [
    h("caption", caption),
    h("thead", h("tr", columns.map((column) => column.title ? h("th", { scope: "col", class: column.class }, column.title) : h("td", { class: column.class })))),
    h("tbody", rows.map((row) => h("tr", { key: key(row) }, columns.map((column) =>
      h("td", { class: column.class, "data-title": column.title }, h("div", column.cell(row))))))),
  ]);
}

/** A bar of what is on hand: free, blocked and reserved. The numbers stand beside it, so it is hidden from readers. */
export function balanceBar({ on_hand, reserved, blocked }) {
  const share = (part) => `${Number(on_hand) > 0 ? Math.min(100, (100 * Number(part)) / Number(on_hand)) : 0}%`;
  return h("div.bar", { class: isZero(on_hand) ? "none" : "", "aria-hidden": "true" }, [
    h("i.reserved", { style: { width: share(reserved) } }),
    h("i.blocked", { style: { width: share(blocked) } }),
  ]);
}

/** What the state of a product's stock is, in a word. */
export function stockBadge(product) {
  if (product.status && product.status !== "active") return badge(t(`status.${product.status}`));
  if (isZero(product.available)) return badge(t("stock.sold_out"), "bad");
  return product.is_low ? badge(t("stock.low"), "warn") : null;
}

/** "3 minutes ago", with the exact time at hand. It keeps itself up to date. */
export const timeAgo = (at) => h("time", { datetime: at, title: exactMoment(at), "data-ago": at }, ago(at));

export const timeAt = (at) => h("time", { datetime: at, title: exactMoment(at) }, moment(at));

const isSoon = (text) => /^[0-4]:\d\d$/.test(text);

/** What is left until an instant, to the second. It keeps itself up to date. */
export const countdown = (at) =>
  h("time.countdown", { class: isSoon(left(at)) ? "soon" : "", datetime: at, title: exactMoment(at), "data-left": at, role: "timer" }, left(at));

export const withUnit = (number, unit) => [live(quantity(number)), unit ? h("span.unit", ` ${unit}`) : null];

/** A button. `meaning`: primary, danger or none. */
export const button = (text, onclick, meaning = "") => h("button", { type: "button", class: meaning, onclick }, text);

/** Tell something for some seconds. */
export function notify(text, meaning = "good") {
  const note = h("div.note", { class: meaning }, text);
  document.getElementById("notes").append(note);
  setTimeout(() => note.remove(), 6000);
}

/** An icon of a few strokes, from a 24 by 24 grid. */
export const icon = (path) => svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: path }));

/** Bring the times that move up to date. Call it each second. */
export function tick(root = document) {
  for (const element of root.querySelectorAll("[data-left]")) {
    const text = left(element.dataset.left);
    if (element.textContent !== text) element.textContent = text;
    element.classList.toggle("soon", isSoon(text));
  }
  for (const element of root.querySelectorAll("[data-ago]")) {
    const text = ago(element.dataset.ago);
    if (element.textContent !== text) element.textContent = text;
  }
}
