/** A location: what lies there, and what was moved there. */

import { get, may, Refusal } from "./api.js";
import { h } from "./dom.js";
import { badge, button, link, live, productLink, quiet, section, table, timeAgo, withUnit } from "./parts.js";
import { knownProduct, learnProducts } from "./skus.js";
import { quantity, t } from "./texts.js";

const MOST_LISTED = 1000;
const MOST_NAMED = 100; // products whose names are looked up
const ORDERS_PER_PAGE = 20;

export const title = (data) => data.code;

export async function load(context) {
  if (!may("get_location_stock", "list_art_orders")) throw new Refusal(403, { code: "PERMISSION_DENIED" });
  const { code } = context.parameters;
  const { signal } = context;
  const [{ stock, total }, orders, count] = await Promise.all([
    get(`/api/v1/locations/${encodeURIComponent(code)}/stock`, { limit: MOST_LISTED }, { signal }),
    loadOrders(context),
    may("list_counts") ? get("/api/v1/counts", { location: code, status: "open", limit: 1 }, { signal }) : { counts: [] },
  ]);
  await learnProducts([...orders.orders, ...stock.slice(0, MOST_NAMED)].map((one) => one.sku));
  return { code, stock, total, ...orders, count: count.counts[0] };
}

async function loadOrders({ parameters, signal, pages = 1 }) {
  const { orders, next } = await get("/api/v1/art_orders", { location: parameters.code, limit: Math.min(1000, ORDERS_PER_PAGE * pages) }, { signal });
  return { orders, hasMore: Boolean(next) };
}

export function render({ code, stock, total, orders, hasMore, count }, context) {
  return [
    h("div.head", [
      h("div", [h("h1", code), h("p.quiet", t("location.total", { count: total }))]),
      h("div.actions", [
        may("place_order") && h("a.button", { href: `/board/scan?from=${code}` }, t("location.move")),
        may("start_count") && (count
          ? h("a.button", { href: `/board/scan?mode=count&count=${count.id}` }, t("location.continue_count"))
          : h("a.button", { href: `/board/scan?mode=count&location=${code}` }, t("location.count"))),
      ]),
    ]),
    count && h("p.waiting", [t("location.counting", { who: count.started_by }), " ", timeAgo(count.started_at)]),
    section(t("location.stock"), stock.length ? table(t("location.stock"), stockColumns(code), stock, (one) => one.sku) : quiet(t("location.empty")), { key: "stock", class: "flush" }),
    section(t("location.orders"), orders.length ? table(t("location.orders"), orderColumns(code), orders, (one) => one.operation_id) : quiet(t("location.no_orders")), { key: "orders", class: "flush" }),
    hasMore && h("div.more", button(t("list.more"), () => {
      context.pages = (context.pages ?? 1) + 1;
      context.again();
    })),
  ];
}

const stockColumns = (code) => [
  { title: t("stock.product"), class: "wide", cell: named },
  { title: t("stock.sku"), class: "code", cell: ({ sku }) => sku },
  { title: t("locations.quantity"), class: "number strong", cell: (one) => withUnit(one.quantity, knownProduct(one.sku)?.unit) },
  ...(may("place_order") ? [{
    title: "", class: "act",
    cell: ({ sku }) => h("a.button.small", { href: `/board/scan?from=${code}&sku=${encodeURIComponent(sku)}`, "aria-label": t("location.move_product", { name: knownProduct(sku)?.name ?? sku }) }, t("location.move_short")),
  }] : []),
];

const orderColumns = (code) => [
  { title: t("location.when"), class: "full", cell: (one) => timeAgo(one.timestamp) },
  { title: t("location.what"), class: "wide", cell: (one) => [named(one), badge(t(`order.${one.operation_type}`))] },
  { title: t("locations.quantity"), class: "number strong", cell: (one) => live(change(one, code)) },
  { title: t("location.way"), class: "full", cell: (one) => [one.from_location, one.to_location].filter((place) => place && place !== code).map((place) => link(`/locations/${place}`, place)) },
  { title: t("location.who"), class: "full", cell: (one) => one.actor },
  { title: t("location.why"), class: "full why", cell: (one) => one.reason },
];

/** A product by its SKU. The search finds one whose name is not known. */
const named = ({ sku }) => (knownProduct(sku) ? productLink(knownProduct(sku)) : link(`/stock?q=${encodeURIComponent(sku)}`, sku));

/** What an order did to this place. A count says what was found. */
function change({ operation_type: type, from_location: from, quantity: number }, code) {
  if (type === "Count") return `= ${quantity(number)}`;
  const isLess = from === code || number.startsWith("-");
  return isLess ? quantity(`-${number.replace("-", "")}`) : `+${quantity(number)}`;
}
