/** Products by their SKU: what a scanner reads, and what lists of places have. */

import { get } from "./api.js";

const LOOK_UP_MILLISECONDS = 4000;
const AT_ONCE = 6;
const known = new Map();

/** The product with exactly this SKU as it was last seen, without asking: undefined if it was never asked for. */
export const knownProduct = (sku) => known.get(sku);

/** The product with exactly this SKU; null if there is none. Raises what a GET raises, and TimeoutError. */
export async function findProduct(sku) {
  if (known.get(sku)) return known.get(sku);
  const { stock } = await get("/api/v1/stock/", { q: sku, limit: 5 }, { signal: AbortSignal.timeout(LOOK_UP_MILLISECONDS) });
  const product = stock.find((one) => one.sku === sku) ?? null;
  known.set(sku, product);
  return product;
}

/** Ask for the products that are not known yet. One that cannot be had now stays unknown. */
export async function learnProducts(skus) {
  const missing = skus.filter((sku) => !known.has(sku));
  const worker = async () => {
    for (let sku; (sku = missing.shift()); ) await findProduct(sku).catch(() => null);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
