import { createClient } from "./client/client";
import * as api from "./client";

const [baseUrl = "", sku_code = ""] = process.argv.slice(2);
const client = createClient({ baseUrl });

const sku = await api.createSku({
  client,
  body: { sku_code, name: "Wireless Headphones", quantity: 100, price: 99.99 },
});
const sku_id: string = sku.data!.sku_id;
const block = await api.createBlock({ client, path: { sku_id }, body: { quantity: 5, reason: "Order processing" } });
const converted = await api.convertBlock({
  client,
  path: { block_id: block.data!.block_id },
  body: { reason: "Order confirmed" },
});
const item = await api.getInventoryItem({ client, path: { id: sku_id } });
const refusal = await api.reserveStock({
  client,
  path: { id: sku_id },
  headers: { "Idempotency-Key": sku_code },
  body: { amount: 96 },
});
const tokens = await api.obtainToken({ client, body: { username: "admin", password: "admin" } });
const admin = createClient({ baseUrl, auth: () => tokens.data!.access });
const page = await api.listCatalogProducts({ client: admin, query: { page: 1, page_size: 2 } });

console.log(
  JSON.stringify({
    block: block.data!.status,
    converted: converted.data!.status,
    available: item.data!.availableStock,
    refusal: refusal.error!.code,
    page: page.data!.results.length,
  }),
);
