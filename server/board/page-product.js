/** A product: its stock now and over time, its blocks, places, costs, prices and movements. */

import { blockActions, productActions } from "./actions.js";
import { get, may, Refusal, who } from "./api.js";
import { h, patch } from "./dom.js";
import { difference, isZero, sum, thousandths } from "./exact.js";
import { badge, balanceBar, button, countdown, link, live, productLink, quiet, section, stockBadge, table, timeAgo, timeAt, withUnit } from "./parts.js";
import { momentOf, steps } from "./steps.js";
import { hasText, instant, money, quantity, serverNow, signed, t } from "./texts.js";

const PER_PAGE = 100; // the most that a list of movements or prices gives
const MOVEMENTS = 200; // what the chart shows at first
const ROWS = 10; // of a list, before "Show more"
const DAY = 86_400_000;
const SPANS = [["day", DAY], ["week", 7 * DAY], ["month", 30 * DAY]];

export const title = ({ product }) => product.name;

export const products = ({ product }) => new Set([product, ...product.parts].map((each) => String(each.product_id)));

export function until({ product, blocks, prices }) {
  const { blocks: listed = [], total } = blocks ?? {};
  const soon = new Date(serverNow() + 1000).toISOString();
  // The browser's idea of the service's time is half a second off at most, so a block that has ended may still be there.
  // And a block may end between the two reads that say how much is blocked. Both are asked for again soon.
  const isTorn = blocks && Number(total) === listed.length && !isZero(difference(product.blocked, ...listed.map((block) => block.quantity)));
  return [
    isTorn && soon,
    ...listed.map(({ expires_at: end }) => (instant(end) > serverNow() ? end : soon)),
    ...(prices?.prices ?? []).flatMap((price) => [price.effective_from, price.effective_to]),
  ];
}

export async function load(context) {
  const { parameters, signal } = context;
  const id = parameters.id;
  context.shown ??= {};
  const ask = (path, query) => get(path, query, { signal });
  const stock = ask(`/api/v1/stock/${id}/`);
  const [product, blocks, ledger, valuation, prices] = await Promise.all([
    stock,
    part("list_blocks", async () => ask("/temporary-blocks", { sku_id: (await stock).sku_id, order: "expires_at", limit: Math.min(1000, (context.shown.blocks ?? 0) + PER_PAGE) })),
    part("list_movements", () => loadLedger(id, context, ask)),
    part("get_valuation", () => ask(`/inventory/${id}/valuation`)),
    part("list_prices", () => ask(`/products/${id}/prices`, { include_inactive: true, per_page: PER_PAGE })),
  ]);
  return { product, blocks, ledger, layers: valuation?.valuation, prices, now: serverNow() };
}

/** What a right shows. null: the caller has it not, or there is nothing, as where a product has no inventory. */
async function part(right, ask) {
  if (!may(right)) return null;
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Refusal && [403, 404].includes(error.status)) return null;
    throw error;
  }
}

/** The last movements, newest first. A movement never changes, so that only the first page is asked for again. */
async function loadLedger(id, context, ask) {
  const wanted = Math.max(MOVEMENTS, context.shown.movements ?? 0);
  const page = (number) => ask(`/inventory/${id}/movements`, { page: number, per_page: PER_PAGE });
  let { movements, pagination } = await page(1);
  const known = context.ledger ?? [];
  const place = known.findIndex((each) => each.id === movements.at(-1)?.id);
  if (place >= 0) movements = [...movements, ...known.slice(place + 1)];
  // One page after the other: a movement that is made meanwhile makes rows come twice, but none is missed.
  while (movements.length < Math.min(wanted, pagination.total)) {
    const next = await page(Math.floor(movements.length / PER_PAGE) + 1);
    const ids = new Set(movements.map((each) => each.id));
    movements = [...movements, ...next.movements.filter((each) => !ids.has(each.id))];
    pagination = next.pagination;
    if (!next.movements.length) break;
  }
  context.ledger = movements;
  return { movements, hasMore: pagination.total > movements.length };
}

export function render(data, context) {
  const { product, blocks, ledger, layers, prices } = data;
  const hasInventory = product.status !== null;
  const hasLayers = layers && !product.is_kit;
  return [
    header(product, context),
    figures(product, hasInventory),
    product.is_kit && parts(product),
    ledger?.movements.length ? chart(data, context) : null,
    blocks && hasInventory && blockList(data, context),
    h("div.columns", [
      h("div.stack", [hasInventory && !product.is_kit && places(data, context), hasLayers && prices && priceList(data, context)]),
      h("div.stack", hasLayers ? costLayers(data, context) : prices && priceList(data, context)),
    ]),
    ledger && movementList(data, context),
    !who().username && quiet(t("product.log_in")),
  ];
}

function header(product, context) {
  return h("div.head.product", { key: "header" }, [
    h("div", [
      h("h1", product.name),
      h("p.quiet", [
        h("span.code", product.sku), " ",
        product.status === null ? badge(t("product.no_inventory")) : stockBadge(product),
        product.is_kit && [" ", badge(t("stock.kit"))],
      ]),
      product.description && quiet(product.description),
    ]),
    h("div.actions", productActions(product, context)),
  ]);
}

function figures(product, hasInventory) {
  const { unit } = product;
  const shown = [
    ...(hasInventory ? ["available", "on_hand", "blocked", "reserved"].map((name) => [t(`stock.${name}`), withUnit(product[name], unit)]) : []),
    product.reorder_point !== null && [t("product.reorder_point"), withUnit(product.reorder_point, unit)],
    [t("stock.price"), live(money(product.price))],
  ].filter(Boolean);
  return h("section.card", { key: "figures", "aria-label": t("product.figures") }, [
    h("dl.figures", shown.map(([name, value]) => h("div", { key: name }, h("dt", name), h("dd", value)))),
    hasInventory && !product.is_kit && balanceBar(product),
  ]);
}

// What a kit is made of

function parts(product) {
  const allowed = (each) => thousandths(each.available) / thousandths(each.quantity);
  const least = product.parts.map(allowed).reduce((a, b) => (b < a ? b : a));
  return section(t("product.parts"), table(t("product.parts"), [
    { title: t("stock.product"), class: "wide", cell: (each) => [productLink(each), allowed(each) === least && badge(t("product.limits"), "warn")] },
    { title: t("stock.sku"), class: "code", cell: (each) => each.sku },
    { title: t("product.in_a_kit"), class: "number", cell: (each) => quantity(each.quantity) },
    { title: t("stock.available"), class: "number", cell: (each) => live(quantity(each.available)) },
    { title: t("product.allows"), class: "number strong", cell: (each) => live(quantity(String(allowed(each)))) },
  ], product.parts, (each) => each.product_id), { key: "parts", class: "flush" });
}

// The balance over time

/** The balances after a movement. A kit has no units of its own: its movements tell what is promised. */
function balances(movement, isKit) {
  const { on_hand_after: onHand, reserved_after: reserved, blocked_after: blocked } = movement;
  return isKit ? { promised: sum([reserved, blocked]) } : { available: difference(onHand, reserved, blocked), on_hand: onHand };
}

const seriesOf = (isKit) => (isKit ? ["promised"] : ["available", "on_hand"]).map((name) => ({ name, label: t(name === "promised" ? "product.promised" : `stock.${name}`) }));

function chart(data, context) {
  const { product, ledger: { movements }, now } = data;
  const isKit = product.is_kit;
  context.chart ??= { span: "all" };
  const series = seriesOf(isKit);
  let at = 0;
  // In the order of the ledger. An expiry happened before it was written, and maybe before the movement that stands before it.
  const all = movements.toReversed().map((movement) => ({
    id: String(movement.id),
    at: (at = Math.max(at, instant(movement.occurred_at).getTime())),
    values: balances(movement, isKit),
    movement,
  }));
  const end = Math.max(now, at);
  const spans = SPANS.filter(([, length]) => all[0].at < end - length);
  const span = spans.find(([name]) => name === context.chart.span);
  const begin = span && end - span[1];
  const last = isKit ? { promised: sum([product.reserved, product.blocked]) } : { available: product.available, on_hand: product.on_hand };
  const points = [
    ...(span ? [{ ...all.findLast((point) => point.at <= begin), at: begin, isBefore: true }, ...all.filter((point) => point.at > begin)] : all),
    { id: "now", at: end, values: last },
  ];
  const listed = points.filter(({ movement, isBefore }) => movement && !isBefore).toReversed();
  const main = series.at(-1).name;
  const amounts = points.map((point) => point.values[main]).toSorted((a, b) => (thousandths(a) < thousandths(b) ? -1 : 1));
  const chips = h("div.chips", { role: "group", "aria-label": t("product.span") }, [...spans.map(([name]) => name), "all"].map((name) =>
    h("button.chip", {
      type: "button",
      "aria-pressed": String(name === (span?.[0] ?? "all")),
      onclick: () => {
        context.chart.span = name;
        again("balance", chart(data, context));
      },
    }, t(`product.span.${name}`))));
  return section(t("product.balance"), steps({
    key: "steps",
    label: t("product.balance"),
    points,
    series,
    level: !isKit && product.reorder_point !== null ? { value: product.reorder_point, label: t("product.reorder_point") } : null,
    describe: (point) => (point.id === "now" ? t("product.now") : [momentOf(point), !point.isBefore && kindOf(point.movement)].filter(Boolean).join(" · ")),
    summary: t("product.summary", {
      count: listed.length,
      number: quantity(String(listed.length)),
      from: momentOf(points[0]),
      what: series.at(-1).label,
      low: quantity(amounts[0]),
      high: quantity(amounts.at(-1)),
      last: quantity(last[main]),
    }),
    alternative: () => table(t("product.balance"), [
      { title: t("product.when"), class: "wide", cell: ({ movement }) => timeAt(movement.occurred_at) },
      { title: t("product.movement"), cell: ({ movement }) => kindOf(movement) },
      ...series.map(({ name, label }) => ({ title: label, class: "number", cell: ({ values }) => quantity(values[name]) })),
    ], listed, (point) => point.id),
    state: context.chart,
  }), { key: "balance", actions: spans.length ? chips : null });
}

// Lists

/** Show a section of the page anew. */
function again(key, rendered) {
  patch(document.querySelector(`.page [data-key="${key}"]`), rendered);
}

/** The rows of a list that are shown, and a button for more. `load`: whether the service has more than what is there. */
function shortened(rows, name, context, build, hasMore = false) {
  const shown = context.shown[name] ?? ROWS;
  const more = (rows.length > shown || hasMore) && h("div.more", button(t("list.more"), () => {
    context.shown[name] = 3 * shown;
    if (hasMore && context.shown[name] > rows.length) context.again();
    else again(name, build());
  }));
  return [rows.slice(0, shown), more];
}

function blockList(data, context) {
  const { product, blocks: { blocks, total } } = data;
  const [rows, more] = shortened(blocks, "blocks", context, () => blockList(data, context), Number(total) > blocks.length);
  return section(t("product.blocks"), rows.length ? [table(t("product.blocks"), [
    { title: t("product.why"), class: "wide", cell: (block) => [
      block.reason ?? h("span.quiet", t("product.no_reason")),
      block.owner && h("span.quiet.owner", t("product.for", { owner: block.owner })),
      block.kit_block_id && badge(t("product.for_a_kit")),
    ] },
    { title: t("product.quantity"), class: "number strong", cell: (block) => withUnit(block.quantity, product.unit) },
    { title: t("product.ends_in"), class: "number", cell: (block) => countdown(block.expires_at) },
    { title: "", class: "acts", cell: (block) => h("div.actions", blockActions({ ...block, name: product.name, unit: product.unit }, context)) },
  ], rows, (block) => block.block_id), more] : h("p.quiet.nothing", t("product.no_blocks")), { key: "blocks", class: "flush" });
}

function places(data, context) {
  const { product } = data;
  const all = [...product.locations, ...(isZero(product.unplaced) ? [] : [{ location: null, quantity: product.unplaced }])];
  const [rows, more] = shortened(all, "places", context, () => places(data, context));
  return section(t("product.places"), rows.length ? [table(t("product.places"), [
    { title: t("product.place"), class: "wide", cell: ({ location }) => (location === null ? h("span.quiet", t("product.unplaced")) : link(`/locations/${encodeURIComponent(location)}`, location)) },
    { title: t("product.quantity"), class: "number strong", cell: (place) => withUnit(place.quantity, product.unit) },
  ], rows, ({ location }) => location ?? ""), more] : h("p.quiet.nothing", t("product.no_places")), { key: "places", class: "flush" });
}

/** Of each type the rule in force that begins last is the price; the list has it first. */
function stateOf(price, prices, now) {
  const isInForce = (each) => instant(each.effective_from) <= now && !(each.effective_to && instant(each.effective_to) <= now);
  if (instant(price.effective_from) > now) return "next";
  if (!isInForce(price)) return "past";
  return prices.find((each) => each.price_type === price.price_type && isInForce(each)) === price ? "current" : "covered";
}

const typeOf = ({ price_type: type }) => (hasText(`product.price_type.${type}`) ? t(`product.price_type.${type}`) : type);

function priceList(data, context) {
  const { prices: { prices }, now } = data;
  const [rows, more] = shortened(prices, "prices", context, () => priceList(data, context));
  return section(t("product.prices"), rows.length ? [prices.length > 1 && priceBars(prices, now), table(t("product.prices"), [
    { title: t("product.price_type"), class: "wide", cell: (price) => {
      const state = stateOf(price, prices, now);
      return [typeOf(price), badge(t(`product.price.${state}`), { current: "good", next: "warn" }[state])];
    } },
    { title: t("stock.price"), class: "number strong", cell: (price) => money(price.amount) },
    { title: t("product.period"), class: "period", cell: (price) => [timeAt(price.effective_from), " – ", price.effective_to ? timeAt(price.effective_to) : t("product.open_end")] },
  ], rows, (price) => price.id), more] : h("p.quiet.nothing", t("product.no_prices")), { key: "prices", class: "flush" });
}

/** The price of each type over the months around now. The table beside it says the same, so it is hidden from readers. */
function priceBars(prices, now) {
  const rules = prices.map((price) => ({ ...price, from: instant(price.effective_from).getTime(), to: price.effective_to ? instant(price.effective_to).getTime() : Infinity }));
  const instants = rules.flatMap(({ from, to }) => [from, to]).filter(Number.isFinite).toSorted((a, b) => a - b);
  const begin = Math.max(instants[0], now - 90 * DAY);
  const end = Math.min(Math.max(instants.at(-1), now) + 20 * DAY, now + 180 * DAY);
  const place = (at) => (100 * (at - begin)) / (end - begin);
  const bounds = [begin, ...instants.filter((at) => at > begin && at < end), end];
  // A rule is the price where none that began later is in force.
  const ruled = (type) => bounds.slice(0, -1).reduce((spans, from, index) => {
    const rule = rules.find((each) => each.price_type === type && each.from <= from && each.to > from);
    if (rule && spans.at(-1)?.rule === rule) spans.at(-1).to = bounds[index + 1];
    else if (rule) spans.push({ rule, from, to: bounds[index + 1] });
    return spans;
  }, []);
  const lane = (type) => ruled(type).map(({ rule, from, to }) =>
    h("span", { class: from <= now && now < to ? "current" : "", style: { left: `${place(from)}%`, width: `${place(to) - place(from)}%` } },
      place(to) - place(from) > 18 ? money(rule.amount) : null));
  return h("div.lanes", { "aria-hidden": "true" }, [...new Set(rules.map((rule) => rule.price_type))].map((type) => [
    h("span.quiet", typeOf({ price_type: type })),
    h("div.lane", [lane(type), h("i", { style: { left: `${place(now)}%` } })]),
  ]));
}

function costLayers(data, context) {
  const { product, layers: { layers, total_value: value, average_cost: average, quantity_without_cost: unknown } } = data;
  const open = layers.filter((layer) => !isZero(layer.remaining));
  const [rows, more] = shortened(open, "layers", context, () => costLayers(data, context));
  return section(t("product.layers"), rows.length ? [
    h("p.quiet.nothing", [
      average === null ? null : `${t("product.value", { value: money(value), average: money(average) })} `,
      isZero(unknown) ? null : t("product.without_cost", { quantity: quantity(unknown) }),
    ]),
    table(t("product.layers"), [
      { title: t("product.received"), class: "wide", cell: (layer) => timeAt(layer.received_at) },
      { title: t("product.left"), class: "number strong", cell: (layer) => [withUnit(layer.remaining, product.unit), h("span.quiet", ` / ${quantity(layer.quantity)}`)] },
      { title: t("product.unit_cost"), class: "number", cell: (layer) => money(layer.unit_cost) },
      { title: t("product.layer_value"), class: "number", cell: (layer) => money(layer.remaining_value) },
    ], rows, (layer) => layer.id),
    more,
  ] : h("p.quiet.nothing", t("product.no_layers")), { key: "layers", class: "flush" });
}

const kindOf = ({ kind }) => (hasText(`movement.${kind}`) ? t(`movement.${kind}`) : kind);

/** What a movement changed: the units, and what of them is promised. */
function changeOf(movement) {
  const promised = ["reserved", "blocked"].map((name) => [name, difference(movement[`${name}_after`], movement[`${name}_before`])]).filter(([, change]) => !isZero(change));
  return [
    isZero(movement.quantity) && promised.length ? null : h("span.strong", { class: movement.quantity.startsWith("-") || isZero(movement.quantity) ? "" : "came" }, signed(movement.quantity)),
    ...promised.map(([name, change]) => h("span.quiet.promised", t(`product.changed.${name}`, { change: signed(change) }))),
  ];
}

const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** A reason and what it refers to. Of a UUID only the end: two of one day begin alike. */
function whyOf({ reason, reference }) {
  const end = reference && (UUID.test(reference) ? `…${reference.slice(-6)}` : `#${reference}`);
  return (reason || end) && h("span.why", { title: reference }, [reason, end].filter(Boolean).join(" "));
}

function movementList(data, context) {
  const { product, ledger: { movements, hasMore } } = data;
  const [rows, more] = shortened(movements, "movements", context, () => movementList(data, context), hasMore);
  return section(t("product.movements"), rows.length ? [table(t("product.movements"), [
    { title: t("product.movement"), class: "kind wide", cell: (movement) => [h("span", kindOf(movement)), " ", whyOf(movement)] },
    { title: t("product.change"), class: "number", cell: changeOf },
    ...seriesOf(product.is_kit).toReversed().map(({ name, label }) => ({
      title: label,
      class: "number",
      cell: (movement) => quantity(balances(movement, product.is_kit)[name]),
    })),
    { title: t("product.who"), class: "actor", cell: ({ actor }) => (actor === "anonymous" ? h("span.quiet", t("product.anonymous")) : actor) },
    { title: t("product.when"), class: "when", cell: (movement) => timeAgo(movement.occurred_at) },
  ], rows, (movement) => movement.id), more] : h("p.quiet.nothing", t("product.no_movements")), { key: "movements", class: "flush" });
}
