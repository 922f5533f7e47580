/**
 * The forms that change something: what a person may do with a product or a block.
 *
 * Each is one request to one endpoint. It says before what there is, and after what was done.
 */

import { get, may, Refusal, Unreachable } from "./api.js";
import { h } from "./dom.js";
import { isZero } from "./exact.js";
import { openForm } from "./form.js";
import { button, countdown, notify, timeAt } from "./parts.js";
import { asTyped, instant, localMinute, moment, money, quantity, serverNow, t } from "./texts.js";

const IN_SIGHT = 3; // buttons of a product; its other actions are in a menu
const MINUTE = 60_000;
const STEPS = { quarter: 15 * MINUTE, hour: 60 * MINUTE, day: 1440 * MINUTE, week: 7 * 1440 * MINUTE };
const PRICE_TYPES = ["retail", "promo", "wholesale"];
const MOST_SUPPLIERS = 1000;

const isActive = (product) => product.status === "active";
const hasUnits = (product) => isActive(product) && !product.is_kit;
const hasReserved = (product) => !isZero(product.reserved);

// The most frequent ones first. `operation` says who may; `isFor`, of which products the service takes it.
const PRODUCT_ACTIONS = [
  { name: "block", operation: "create_block", isFor: isActive, form: blockForm },
  { name: "sale", operation: "create_sale", isFor: isActive, form: saleForm },
  { name: "purchase", operation: "create_purchase", isFor: hasUnits, form: purchaseForm },
  { name: "add", operation: "add_stock", isFor: hasUnits, form: amountForm("add", "addStock", "on_hand") },
  { name: "reserve", operation: "reserve_stock", isFor: isActive, form: amountForm("reserve", "reserveStock", "available") },
  { name: "release", operation: "release_stock", isFor: hasReserved, form: amountForm("release", "releaseStock", "reserved") },
  { name: "consume", operation: "consume_stock", isFor: hasReserved, form: amountForm("consume", "consumeStock", "reserved") },
  { name: "price", operation: "create_price", isFor: () => true, form: priceForm },
];

const BLOCK_ACTIONS = [
  { name: "convert", operation: "convert_block", form: convertForm },
  { name: "extend", operation: "extend_block", form: extendForm },
  { name: "cancel", operation: "cancel_block", form: cancelForm },
];

/** What the caller may do with a product: buttons and a menu. It has the fields of GET /api/v1/stock/{product_id}/. */
export function productActions(product, context) {
  const actions = PRODUCT_ACTIONS.filter((action) => may(action.operation) && action.isFor(product));
  const buttonOf = (action, meaning) => button(t(`action.${action.name}`), (event) => {
    const menu = event.target.closest("details");
    if (menu) menu.open = false;
    menu?.querySelector("summary").focus(); // it comes back to where it was when the form opened
    return act(action.form, product, context);
  }, meaning);
  const rest = actions.slice(IN_SIGHT);
  return [
    ...actions.slice(0, IN_SIGHT).map((action, index) => buttonOf(action, index ? "" : "primary")),
    ...(rest.length ? [h("details.menu", [h("summary.button", t("action.more")), h("div.sheet", rest.map((action) => buttonOf(action)))])] : []),
  ];
}

/**
 * What the caller may do with a block: buttons. It has the fields of GET /temporary-blocks, and `name` and `unit` of its
 * product where the page knows them. The block of a kit's part has none: it ends with the kit's.
 */
export function blockActions(block, context) {
  if (block.kit_block_id) return [];
  return BLOCK_ACTIONS.filter((action) => may(action.operation)).map((action) =>
    h("button.small", { type: "button", "aria-label": t(`action.${action.name}.title`, named(block)), onclick: () => act(action.form, block, context) },
      t(`action.${action.name}`)));
}

/** Open the form; show the page anew when it has changed something. */
async function act(formOf, subject, context) {
  try {
    const form = await formOf(subject, context);
    if (form && (await openForm(form)) !== undefined) await context.again();
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof Unreachable)) throw error;
    notify(error.message, "bad");
  }
}

/** "8 pc". */
const units = (number, { unit }) => (unit ? `${quantity(number)} ${unit}` : quantity(number));

const quantityField = ({ unit }, more) => ({ name: "quantity", label: t("action.quantity"), type: "quantity", minimum: "positive", required: true, unit, ...more });
const reasonField = () => ({ name: "reason", label: t("action.reason"), maximum: 1000 });
const momentField = (name, more) => ({ name, label: t(`action.${name}`), type: "moment", ...more });
const stepsFrom = (at) => Object.entries(STEPS).map(([name, length]) => [t(`action.step.${name}`), at + length]);

/** The balances of a product, one of them first. */
function balances(product, first) {
  const others = ["available", "on_hand", "reserved", "blocked"].filter((name) => name !== first);
  return h("p", [
    h("strong", t(`action.is.${first}`, { quantity: units(product[first], product) })),
    h("span.quiet", others.map((name) => ` · ${t(`action.is.${name}`, { quantity: quantity(product[name]) })}`)),
  ]);
}

/** What the forms of a product share. `first`: the balance that decides whether the service takes it. */
function productForm(name, product, first, rest) {
  let shown = product;
  return {
    id: `${name}:${product.product_id}`,
    title: t(`action.${name}.title`, { name: product.name }),
    intro: () => balances(shown, first),
    submit: t(`action.${name}`),
    async refused({ code }) {
      shown = await get(`/api/v1/stock/${product.product_id}/`);
      if (code === "INSUFFICIENT_STOCK") return t("action.too_many", { what: t("action.is.available", { quantity: units(shown.available, shown) }) });
      if (code === "INSUFFICIENT_RESERVED") return t("action.too_many", { what: t("action.is.reserved", { quantity: units(shown.reserved, shown) }) });
    },
    ...rest,
  };
}

function blockForm(product) {
  return productForm("block", product, "available", {
    fields: [
      quantityField(product),
      reasonField(),
      { name: "owner", label: t("action.owner"), maximum: 64, hint: t("action.owner.hint") },
      momentField("expires_at", { hint: t("action.expires_at.hint"), minimum: "future", steps: stepsFrom(serverNow()) }),
    ],
    request: (body) => ({ method: "POST", path: `/sku/${product.sku_id}/temporary-block`, body }),
    done: (answer) => t("action.block.done", { quantity: units(answer.quantity, product), name: product.name, moment: moment(answer.expires_at) }),
  });
}

/** A form of API 2: an amount, and no more. */
function amountForm(name, operation, first) {
  return (product) => productForm(name, product, first, {
    fields: [quantityField(product)],
    request: (values) => ({ method: "POST", path: `/api/v1/inventory/${product.product_id}/${operation}`, body: { amount: values.quantity } }),
    done: (_, values) => t(`action.${name}.done`, { quantity: units(values.quantity, product), name: product.name }),
  });
}

function saleForm(product) {
  return productForm("sale", product, "available", {
    fields: [
      quantityField(product),
      { name: "unit_price", label: t("action.unit_price"), type: "money", minimum: "zero", required: true, value: asTyped(product.price) },
    ],
    request: (values) => ({ method: "POST", path: "/inventory/sales", body: { product_id: product.product_id, ...values } }),
    done: (_, values) => t("action.sale.done", { quantity: units(values.quantity, product), name: product.name, price: money(values.unit_price) }),
  });
}

/** The form of a purchase. Supplier and cost are those of the last one; where there is no supplier, the first one is asked for. */
async function purchaseForm(product) {
  const [suppliers, last] = await Promise.all([
    listSuppliers(),
    get("/inventory/purchases", { product_id: product.product_id, per_page: 1 }).then((answer) => answer.purchases[0]),
  ]);
  if (!suppliers.length) {
    const made = await openForm(supplierForm());
    if (!made) return null;
    suppliers.push(made.supplier);
  }
  return productForm("purchase", product, "on_hand", {
    fields: [
      quantityField(product),
      { name: "unit_cost", label: t("action.unit_cost"), type: "money", minimum: "zero", required: true, value: asTyped(last?.unit_cost) },
      {
        name: "supplier_id", label: t("action.supplier_id"), type: "select", required: true, value: last?.supplier_id,
        options: suppliers.map((supplier) => [supplier.id, supplier.name]),
      },
    ],
    request: (values) => ({ method: "POST", path: "/inventory/purchases", body: { product_id: product.product_id, ...values } }),
    done: (_, values) => t("action.purchase.done", { quantity: units(values.quantity, product), name: product.name, cost: money(values.unit_cost) }),
  });
}

async function listSuppliers() {
  const suppliers = [];
  for (let page = 1; suppliers.length < MOST_SUPPLIERS; page++) {
    const answer = await get("/suppliers", { page, per_page: 100 });
    suppliers.push(...answer.suppliers);
    if (!answer.pagination.has_next) break;
  }
  return suppliers.sort((one, other) => one.name.localeCompare(other.name));
}

function supplierForm() {
  return {
    id: "supplier",
    title: t("action.supplier.title"),
    intro: h("p.quiet", t("action.supplier.why")),
    fields: [
      { name: "name", label: t("action.supplier.name"), maximum: 255, required: true },
      { name: "phone_number", label: t("action.supplier.phone"), maximum: 50, required: true },
    ],
    submit: t("action.supplier"),
    request: (body) => ({ method: "POST", path: "/suppliers", body }),
    done: (_, values) => t("action.supplier.done", values),
  };
}

function priceForm(product) {
  return productForm("price", product, "on_hand", {
    intro: () => h("p", product.price === null ? t("action.price.none") : t("action.price.now", { price: money(product.price) })),
    fields: [
      { name: "amount", label: t("action.amount"), type: "money", minimum: "zero", required: true },
      {
        name: "price_type", label: t("action.price_type"), type: "select", required: true,
        options: PRICE_TYPES.map((name) => [name, t(`action.price_type.${name}`)]),
      },
      momentField("effective_from", { hint: t("action.effective_from.hint") }),
      momentField("effective_to", { hint: t("action.effective_to.hint"), minimum: "future" }),
    ],
    // A price with an end lies over the one before, which is in force again afterwards.
    request: (values) => ({
      method: "POST",
      path: `/products/${product.product_id}/prices`,
      body: { ...values, close_old_price: !values.effective_to },
    }),
    done: ({ price }) => t(price.effective_to ? "action.price.done_until" : "action.price.done", {
      name: product.name,
      price: money(price.amount),
      from: moment(price.effective_from),
      to: price.effective_to && moment(price.effective_to),
    }),
  });
}

// Blocks

const named = (block) => ({ name: block.name ?? block.sku_code ?? "", quantity: units(block.quantity, block) });

/** What the forms of a block share. */
function blockEndForm(name, block, context, rest) {
  return {
    id: `${name}:${block.block_id}`,
    title: t(`action.${name}.title`, named(block)),
    intro: () => h("p", [t("action.ends"), " ", countdown(block.expires_at), " (", timeAt(block.expires_at), ")"]),
    submit: t(`action.${name}.submit`),
    request: (body) => ({ method: "POST", path: `/temporary-blocks/${block.block_id}/${rest.operation}`, body }),
    async refused({ code }) {
      if (code === "BLOCK_QUANTITY_EXCEEDED") return t("action.too_many", { what: t("action.is.blocked", { quantity: units(block.quantity, block) }) });
      await context.again(); // it has ended meanwhile
    },
    ...rest,
  };
}

function convertForm(block, context) {
  return blockEndForm("convert", block, context, {
    operation: "convert-to-permanent",
    fields: [quantityField(block, { value: asTyped(block.quantity), hint: t("action.convert.hint") }), reasonField()],
    done: (answer) => t("action.convert.done", { ...named(block), quantity: units(answer.quantity, block) }),
  });
}

function extendForm(block, context) {
  const end = Math.max(instant(block.expires_at).getTime(), serverNow());
  return blockEndForm("extend", block, context, {
    operation: "extend",
    fields: [momentField("expires_at", { value: localMinute(end + STEPS.quarter), hint: t("action.extend.hint"), minimum: "future", required: true, steps: stepsFrom(end) })],
    done: (answer) => t("action.extend.done", { ...named(block), moment: moment(answer.expires_at) }),
  });
}

function cancelForm(block, context) {
  return blockEndForm("cancel", block, context, {
    operation: "cancel",
    isDangerous: true,
    dismiss: t("action.cancel.not"),
    fields: [reasonField()],
    done: () => t("action.cancel.done", named(block)),
  });
}
