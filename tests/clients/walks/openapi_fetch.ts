import createClient from "openapi-fetch";
import type { paths } from "./schema";

const [baseUrl = "", sku_code = ""] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl });

const sku = await client.POST("/sku", { body: { sku_code, name: "Wireless Headphones", quantity: 100, price: 99.99 } });
const sku_id: string = sku.data!.sku_id;
const block = await client.POST("/sku/{sku_id}/temporary-block", {
  params: { path: { sku_id } },
  body: { quantity: 5, reason: "Order processing" },
});
const converted = await client.POST("/temporary-blocks/{block_id}/convert-to-permanent", {
  params: { path: { block_id: block.data!.block_id } },
  body: { reason: "Order confirmed" },
});
const item = await client.GET("/api/v1/inventory/{id}", { params: { path: { id: sku_id } } });
const refusal = await client.POST("/api/v1/inventory/{id}/reserveStock", {
  params: { path: { id: sku_id }, header: { "Idempotency-Key": sku_code } },
  body: { amount: 96 },
});
const tokens = await client.POST("/api/v1/authentication/token/", { body: { username: "admin", password: "admin" } });
const page = await client.GET("/api/v1/products/", {
  params: { query: { page: 1, page_size: 2 } },
  headers: { Authorization: `Bearer ${tokens.data!.access}` },
});

console.log(
  JSON.stringify({
    block: block.data!.status,
    converted: converted.data!.status,
    available: item.data!.availableStock,
    refusal: refusal.error!.code,
    page: page.data!.results.length,
  }),
);
