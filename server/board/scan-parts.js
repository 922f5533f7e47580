/** What moving and counting by scanning have in common. */

import { Refusal } from "./api.js";
import { h } from "./dom.js";
import { icon } from "./parts.js";
import { findProduct } from "./skus.js";
import { quantity, t } from "./texts.js";

const LOCATION = /^RACK-[A-Z][0-9]-[0-9]{2}$/;
const MOST = 1_000_000; // units of an order, or of a line of a count
const LONGEST_QUANTITY = 7; // digits: what is longer is the bar code of a product

/** The code of a location that this is, undefined if it is none. A reader may write small letters. */
export function locationOf(code) {
  const upper = code.toUpperCase();
  return LOCATION.test(upper) ? upper : undefined;
}

/**
 * The product with this SKU, for the desk; null if there is none, or if it has no units of its own: then the desk has said so.
 * Without an answer the code is taken as it is: the service looks at it when it is sent.
 */
export async function scannedProduct(desk, code) {
  let product;
  try {
    product = await findProduct(code);
  } catch (error) {
    if (error instanceof Refusal && error.status < 500 && error.status !== 429) return desk.say([error.message, ...Object.values(error.fields)].join(" "), "bad"), null;
    return { sku: code, name: code, isUnchecked: true };
  }
  if (!product) return desk.say(t("scan.unknown", { code }), "bad"), null;
  if (product.is_kit) return desk.say(t("scan.kit", { name: product.name }), "bad"), null;
  return { sku: product.sku, name: product.name, product_id: product.product_id };
}

/** A refusal of the service, in words for who has scanned. */
export function explain({ kind, about, refusal }) {
  const { code } = refusal;
  const numbers = ["held", "reserved", "blocked", "available"].filter((name) => refusal.data[name] !== undefined);
  const data = { held: "0", ...Object.fromEntries(numbers.map((name) => [name, quantity(refusal.data[name])])) };
  if (code === "INVALID_SKU") return t("scan.unknown", { code: about.sku });
  if (code !== "INSUFFICIENT_STOCK") return [refusal.message, ...Object.values(refusal.fields)].join(" ");
  if (kind === "close") return `${t(data.reserved === undefined ? "scan.close_gone" : "scan.close_promised", data)} (${refusal.data.message})`;
  const where = { ...data, name: about.name, quantity: quantity(String(about.quantity)), location: about.from };
  if (data.reserved !== undefined) return t("scan.promised", where);
  return t(data.held === "0" ? "scan.held_none" : "scan.held", where);
}

/**
 * A quantity with a button for one less and one more. `set(number)` gets whole numbers. What a reader types into it is a scan:
 * `scan(code)`.
 */
export function quantityBox({ label, value, minimum, set, scan }) {
  const isQuantity = (text) => /^[0-9]+$/.test(text) && text.length <= LONGEST_QUANTITY;
  const changed = ({ target }) => {
    const number = Number(target.value);
    if (!isQuantity(target.value.trim()) || number < minimum || number > MOST) target.value = value;
    else if (number !== value) set(number);
  };
  const keyed = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const text = event.target.value.trim();
    if (text && !isQuantity(text)) {
      event.target.value = value;
      scan(text);
    }
    document.getElementById("code").focus(); // and so the quantity has changed
  };
  const step = (by, shape, name) => h("button.square", {
    type: "button", "aria-label": t(name, { label }), disabled: value + by < minimum || value + by > MOST, onclick: () => set(value + by),
  }, icon(shape));
  return h("div.quantity", [
    step(-1, "M5 12h14", "scan.less"),
    h("input", {
      key: `quantity-${value}`, type: "text", inputmode: "numeric", autocomplete: "off", value, "aria-label": label,
      onchange: changed, onkeydown: keyed, onfocus: (event) => event.target.select(),
    }),
    step(1, "M5 12h14M12 5v14", "scan.more"),
  ]);
}
