/** The morning's page: what is sold out, what is low, which blocks end next, what has arrived, and the sales of two weeks. */

import { FINAL_MILLISECONDS, get, isFinal, may, who } from "./api.js";
import { bars } from "./bars.js";
import { h } from "./dom.js";
import { isZero, sum } from "./exact.js";
import { badge, countdown, link, live, productLink, quiet, section, stockBadge, timeAgo, withUnit } from "./parts.js";
import { day, instant, money, percent, quantity, serverNow, t, zone } from "./texts.js";

const LINES = 7; // of a card
const COUNTED = 100; // products of a state; beyond that the card says "99+"
const DAYS = 14;
const PERIODS = { day: 1, week: 7 };
const MINUTE = 60_000;
// An answer that took longer is kept for ten times as long: who looks must not be a burden on who works.
const LONG_MILLISECONDS = 200;

export const title = () => t("place.today");

export async function load(context) {
  const kept = (context.kept ??= new Map());
  const [parts, lookAgain] = [{}, []];
  await Promise.all(Object.entries(questions(context)).map(async ([name, ask]) => {
    if (!kept.has(name)) kept.set(name, { answer: null, asking: null, until: 0 });
    const part = kept.get(name);
    const rest = part.until - performance.now();
    if (rest > 0) lookAgain.push(new Date(serverNow() + rest).toISOString());
    else part.asking ??= asked(part, ask);
    // The sales of many days may take the service long: the page does not wait for them.
    if (name === "sales") await Promise.race([part.asking, new Promise((resolve) => setTimeout(resolve, LONG_MILLISECONDS))]);
    else await part.asking;
    part.asking?.then(context.again, () => {});
    parts[name] = part.answer;
  }));
  const isEmpty = !parts.soldOut.rows?.length && !parts.low.rows?.length;
  const hasProducts = !isEmpty || (await get("/api/v1/stock/", { limit: 1 }, context)).stock.length > 0;
  return { parts, hasProducts, lookAgain, maySeeSales: may("list_daily_sales") };
}

async function asked(part, ask) {
  const begin = performance.now();
  try {
    part.answer = await answered(ask);
    const took = performance.now() - begin;
    const rest = part.answer.problem ? FINAL_MILLISECONDS : took > LONG_MILLISECONDS ? 10 * took : 0;
    part.until = performance.now() + rest;
  } finally {
    part.asking = null;
  }
}

/** What the caller may read: the parts of the page by name, each a function that asks for it. */
function questions({ query, signal }) {
  const ask = (path, parameters) => get(path, parameters, { signal });
  const inState = (state) => async () => ({ rows: (await ask("/api/v1/stock/", { state, limit: COUNTED })).stock });
  return Object.fromEntries(Object.entries({
    soldOut: inState("sold_out"), // without the right to read the stock, the refusal lets the frame offer the log-in
    low: inState("low"),
    blocks: may("list_blocks") && (async () => {
      const { blocks, total } = await ask("/temporary-blocks", { order: "expires_at", limit: LINES });
      return { rows: blocks, total };
    }),
    arrived: (may("list_purchases") || may("list_inflows") || may("list_art_orders")) && (() => arrived(ask, periodOf(query))),
    sales: may("list_daily_sales") && (async () => ({ days: (await ask("/api/v1/daily-sales/", { days: 2 * DAYS, timezone: zone() })).days })),
  }).filter(([, question]) => question));
}

/** A part that is refused, like a sum over too many sales, says so in its place. */
async function answered(ask) {
  try {
    return await ask();
  } catch (error) {
    if (isFinal(error)) return { problem: error.message };
    throw error;
  }
}

const periodOf = ({ arrived: name }) => (Object.hasOwn(PERIODS, name) ? name : "day");

/** What has come in, newest first: purchases, inflows, and orders that add to a place. */
async function arrived(ask, period) {
  // By the minute, so that the same question has the same address, and its answer is not sent again.
  const date_from = new Date(Math.floor(serverNow() / MINUTE) * MINUTE - PERIODS[period] * 1440 * MINUTE).toISOString();
  const [purchases, inflows, orders] = await Promise.all([
    may("list_purchases") ? ask("/inventory/purchases", { date_from, per_page: LINES }) : { purchases: [] },
    may("list_inflows") ? ask("/api/v1/inflows/", { date_from, ordering: "-created_at", page_size: LINES }) : { results: [] },
    may("list_art_orders") ? ask("/api/v1/art_orders", { type: "Add", date_from, limit: LINES }) : { orders: [] },
  ]);
  const rows = [
    ...purchases.purchases.map((one) => ({
      key: `purchase-${one.id}`, product: one.product, quantity: one.quantity, at: one.created_at, from: one.supplier?.name,
    })),
    ...inflows.results.map((one) => ({
      key: `inflow-${one.id}`, product: { id: one.product.id, name: one.product.title }, quantity: one.quantity, at: one.created_at, from: one.supplier?.name,
    })),
    ...orders.orders.map((one) => ({
      key: `order-${one.operation_id}`, sku: one.sku, quantity: one.quantity, at: one.timestamp, to: one.to_location, who: one.actor,
    })),
  ];
  return { rows: rows.sort((one, other) => instant(other.at) - instant(one.at)).slice(0, LINES) };
}

export const until = ({ parts, lookAgain }) => [...lookAgain, ...(parts.blocks?.rows ?? []).map((block) => block.expires_at)];

export function render({ parts, hasProducts, maySeeSales }, { query }) {
  if (!hasProducts) return nothingYet();
  const { soldOut, low, blocks, arrived: came, sales } = parts;
  return [
    h("div.head", [h("h1", t("place.today")), quiet(day(localDate()))]),
    h("div.columns.even", [
      card("soldOut", soldOut, { count: counted(soldOut), to: "/stock?state=sold_out", meaning: "bad", line: soldOutLine }),
      card("low", low, { count: counted(low), to: "/stock?state=low", meaning: "warn", line: lowLine }),
      blocks && card("blocks", blocks, { count: blocks.total && quantity(blocks.total), to: "/blocks", line: blockLine }),
      came && card("arrived", came, { actions: h("nav.chips", { "aria-label": t("today.period") }, Object.keys(PERIODS).map((name) => period(name, query))), line: arrivedLine }),
    ]),
    maySeeSales && section(t("today.sales", { days: DAYS }), salesCard(sales), { key: "sales" }),
    !maySeeSales && !who().username && quiet(t("today.log_in")),
  ];
}

function nothingYet() {
  return h("section.card.center", [
    h("h1", t("today.nothing")),
    quiet(t("today.nothing.how")),
    h("a.button", { href: "/docs" }, t("today.nothing.docs")),
  ]);
}

const localDate = () => new Date(serverNow()).toLocaleDateString("sv"); // Sweden writes 2026-11-22

const counted = ({ rows = [] }) => (rows.length < COUNTED ? String(rows.length) : `${COUNTED - 1}+`);

/** A card of some lines. `count` stands at its title, `to` is the whole list. */
function card(name, { rows = [], problem }, { count, to, actions, meaning, line }) {
  const heading = [t(`today.${name}`), rows.length > 0 && count && badge(live(count), meaning)];
  return section(heading, [
    problem && quiet(problem),
    !problem && !rows.length && quiet(t(`today.${name}.none`)),
    rows.length > 0 && h("ul.lines", rows.slice(0, LINES).map(line)),
  ], { key: name, actions: actions ?? (rows.length > 0 && link(to, t("today.all"), h("span.unseen", ` ${t(`today.${name}`)}`))) });
}

function entry(key, subject, about, ...numbers) {
  return h("li", { key }, [h("div", [h("div", subject), about && h("div.quiet", about)]), h("div.number", numbers)]);
}

const soldOutLine = (product) => entry(product.product_id, productLink(product), product.sku,
  isZero(product.on_hand)
    ? h("div.quiet", t(product.is_kit ? "today.parts_missing" : "today.none_there"))
    : [h("div.strong", withUnit(product.on_hand, product.unit)), h("div.quiet", t("today.promised"))]);

const lowLine = (product) => entry(product.product_id, [productLink(product), " ", isZero(product.available) && stockBadge(product)], product.sku,
  h("div.strong", withUnit(product.on_hand, product.unit)), h("div.quiet", t("today.reorder", { quantity: quantity(product.reorder_point) })));

const blockLine = (block) => entry(block.block_id, skuLink(block.sku_code), block.reason ?? block.owner,
  h("div", countdown(block.expires_at)), h("div.quiet", withUnit(block.quantity)));

const arrivedLine = (one) => entry(one.key, one.product ? productLink(one.product) : skuLink(one.sku),
  one.from ? t("today.from", { name: one.from }) : [one.to && t("today.to", { location: one.to }), one.who].filter(Boolean).join(" · "),
  h("div.strong", `+${quantity(one.quantity)}`), h("div.quiet", timeAgo(one.at)));

const skuLink = (sku) => link(`/stock?q=${encodeURIComponent(sku)}`, sku);

function period(name, query) {
  const isChosen = name === periodOf(query);
  return h("a.chip", { href: `/board${name === "day" ? "" : `?arrived=${name}`}`, "aria-current": isChosen ? "true" : null }, t(`today.period.${name}`));
}

// Sales

function salesCard(sales) {
  if (!sales) return quiet("…");
  return sales.problem ? quiet(sales.problem) : salesOf(sales.days);
}

function salesOf(days) {
  const [before, now] = [days.slice(0, -DAYS), days.slice(-DAYS)];
  const total = (name, of = now) => sum(of.map((one) => one[name]));
  const [revenue, margin] = [total("revenue"), total("margin")];
  if (days.every((one) => isZero(one.sales + one.quantity_returned))) return quiet(t("today.sales.none"));
  const shown = now.map((one) => ({ id: one.date, label: day(one.date), values: one }));
  return [
    h("dl.figures", [
      figure("revenue", money(revenue), change(revenue, total("revenue", before))),
      figure("margin", money(margin), margin === null ? t("today.without_cost", { count: Number(total("sales_without_cost")) }) : !isZero(revenue) && t("today.of_revenue", { share: percent(Number(margin) / Number(revenue)) })),
      figure("units", quantity(total("quantity")), change(total("quantity"), total("quantity", before))),
      figure("count", quantity(total("sales")), change(total("sales"), total("sales", before))),
    ]),
    h("div.columns", [
      bars({ key: "revenue", label: t("today.revenue_by_day"), heading: t("today.date"), bars: shown, series: [
        { name: "revenue", label: t("today.revenue"), format: money },
        { name: "margin", label: t("today.margin"), format: money },
      ] }),
      bars({ key: "units", label: t("today.units_by_day"), heading: t("today.date"), bars: shown, series: [
        { name: "quantity", label: t("today.units"), format: quantity },
      ] }),
    ]),
  ];
}

const figure = (name, number, about) => h("div", { key: name }, [h("dt", t(`today.${name}`)), h("dd", live(number)), about && h("dd.quiet", about)]);

/** How much more or less than in the days before. Of next to nothing it would say nothing. */
function change(now, before) {
  const share = Number(now) / Number(before) - 1;
  if (!(Number(before) > 0) || share >= 10) return null;
  return t("today.change", { share: `${share < 0 ? "−" : "+"}${percent(Math.abs(share))}`, days: DAYS });
}
