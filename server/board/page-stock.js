/** The stock: all products with their balances, or those that a search finds. */

import { get, may } from "./api.js";
import { h } from "./dom.js";
import { isZero } from "./exact.js";
import { balanceBar, button, productLink, quiet, stockBadge, table, withUnit } from "./parts.js";
import { money, t } from "./texts.js";

const STATES = ["", "low", "sold_out"];
const PER_PAGE = 50;
const MOST = 1000; // of one answer

export const title = () => t("place.stock");

/** `pages`: how often more was asked for, and one. Where they fit into one answer, they are one request. */
export async function load({ query: { q, state }, signal, pages = 1 }) {
  const stock = [];
  let after;
  for (let asked = 0; asked < pages && stock.length < pages * PER_PAGE; asked++) {
    const limit = Math.min(pages * PER_PAGE - stock.length, MOST);
    const answer = await get("/api/v1/stock/", { q, state, limit, after }, { signal });
    stock.push(...answer.stock);
    after = answer.next;
    if (!after) break;
  }
  // A search has no pages, but it may find more.
  const hasMore = q ? stock.length === pages * PER_PAGE && stock.length < MOST : Boolean(after);
  return { stock, hasMore, isWhole: !q && !state, nextEnd: await nextEnd(stock, signal) };
}

/** When the next block ends. The change feed does not tell it at once, so who waits for the feed looks then. */
async function nextEnd(stock, signal) {
  if (!may("list_changes", "list_blocks") || stock.every((product) => isZero(product.blocked))) return null;
  const { blocks } = await get("/temporary-blocks", { order: "expires_at", limit: 1 }, { signal });
  return blocks[0]?.expires_at;
}

export const until = (data) => [data.nextEnd];

/** Any change concerns a list in which another product may appear, and a kit, whose parts are other products. */
export function products({ stock, hasMore, isWhole }) {
  if (!isWhole || !hasMore || stock.some((product) => product.is_kit)) return null;
  return new Set(stock.map((product) => product.product_id));
}

export function render({ stock, hasMore }, context) {
  const { q, state = "" } = context.query;
  return [
    h("div.head", [
      h("h1", t("place.stock")),
      h("nav.chips", { "aria-label": t("stock.filter") }, STATES.map((name) => chip(q, name, name === state))),
    ]),
    stock.length
      ? h("section.card.flush", table(t("place.stock"), columns(), stock, (product) => product.product_id))
      : h("section.card.center", nothing(q, state)),
    hasMore && h("div.more", button(t("list.more"), () => {
      context.pages = (context.pages ?? 1) + 1;
      context.again();
    })),
  ];
}

function chip(q, state, isChosen) {
  const query = new URLSearchParams({ ...(q ? { q } : {}), ...(state ? { state } : {}) }).toString();
  const href = `/board/stock${query ? `?${query}` : ""}`;
  return h("a.chip", { href, "aria-current": isChosen ? "true" : null }, t(`stock.filter.${state || "all"}`));
}

function nothing(q, state) {
  if (q) return quiet(t(`stock.none_found.${state || "all"}`, { q }));
  return quiet(t(`stock.none.${state || "all"}`));
}

/** A number that is hardly seen where it is 0, so that the others are. */
const amount = (number) => h("span", { class: isZero(number) ? "quiet" : "" }, withUnit(number));

const columns = () => [
  { title: t("stock.product"), class: "wide", cell: (product) => [productLink(product), stockBadge(product), product.is_kit && h("span.badge", t("stock.kit"))] },
  { title: t("stock.sku"), class: "code", cell: (product) => product.sku },
  { title: t("stock.available"), class: "number strong", cell: (product) => withUnit(product.available, product.unit) },
  { title: t("stock.free"), class: "graph", cell: balanceBar },
  { title: t("stock.on_hand"), class: "number", cell: (product) => amount(product.on_hand) },
  { title: t("stock.blocked"), class: "number", cell: (product) => amount(product.blocked) },
  { title: t("stock.reserved"), class: "number", cell: (product) => amount(product.reserved) },
  { title: t("stock.price"), class: "number", cell: (product) => money(product.price) },
];
