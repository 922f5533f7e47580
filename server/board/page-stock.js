/** The stock: all products with their balances, or those that a search finds. */

import { h } from "./dom.js";
import { get } from "./api.js";
import { balanceBar, button, productLink, quiet, stockBadge, table, withUnit } from "./parts.js";
import { money, t } from "./texts.js";

const STATES = ["", "low", "sold_out"];
const PER_PAGE = 50;

export const title = () => t("place.stock");

export async function load({ query, signal, pages = 1 }) {
  const { q, state } = query;
  const stock = [];
  let after;
  for (let page = 0; page < pages; page++) {
    const answer = await get("/api/v1/stock/", { q, state, limit: PER_PAGE, after }, { signal });
    stock.push(...answer.stock);
    after = answer.next;
    if (!after) break;
  }
  return { stock, hasMore: Boolean(after) };
}

export const products = (data) => new Set(data.stock.map((product) => product.product_id));

export function render({ stock, hasMore }, context) {
  const { q, state = "" } = context.query;
  return [
    h("div.head", [
      h("h1", t("place.stock")),
      h("div.chips", { role: "group", "aria-label": t("stock.filter") }, STATES.map((name) =>
        h("a.chip", { href: `/board/stock?${new URLSearchParams({ ...(q ? { q } : {}), ...(name ? { state: name } : {}) })}`, "aria-current": name === state ? "true" : null },
          t(`stock.filter.${name || "all"}`)))),
    ]),
    stock.length ? h("section.card.flush", table(t("place.stock"), columns(), stock, (product) => product.product_id)) : quiet(q ? t("stock.none_found", { q }) : t("stock.none")),
    hasMore && h("div.more", button(t("list.more"), () => {
      context.pages = (context.pages ?? 1) + 1;
      context.again();
    })),
  ];
}

const columns = () => [
  { title: t("stock.product"), class: "wide", cell: (product) => [productLink(product), stockBadge(product), product.is_kit && h("span.badge", t("stock.kit"))] },
  { title: t("stock.sku"), class: "code", cell: (product) => product.sku },
  { title: t("stock.available"), class: "number strong", cell: (product) => withUnit(product.available, product.unit) },
  { title: "", class: "graph", cell: balanceBar },
  { title: t("stock.on_hand"), class: "number", cell: (product) => withUnit(product.on_hand) },
  { title: t("stock.blocked"), class: "number", cell: (product) => withUnit(product.blocked) },
  { title: t("stock.reserved"), class: "number", cell: (product) => withUnit(product.reserved) },
  { title: t("stock.price"), class: "number", cell: (product) => money(product.price) },
];
