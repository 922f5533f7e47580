import { isAxiosError } from "axios";
import { AuthenticationApi, CatalogApi, Configuration, SKUBlocksApi, StockOperationsApi, type Problem } from "./client";

const [basePath = "", sku_code = ""] = process.argv.slice(2);
const configuration = new Configuration({ basePath });
const blocks = new SKUBlocksApi(configuration);
const stock = new StockOperationsApi(configuration);

const { data: sku } = await blocks.createSku({ sku_code, name: "Wireless Headphones", quantity: 100, price: 99.99 });
const { data: block } = await blocks.createBlock(sku.sku_id, { quantity: 5, reason: "Order processing" });
const { data: converted } = await blocks.convertBlock(block.block_id, undefined, undefined, { reason: "Order confirmed" });
const { data: item } = await stock.getInventoryItem(sku.sku_id);
let refusal = "";
try {
  await stock.reserveStock(sku.sku_id, { amount: 96 }, sku_code);
} catch (error) {
  if (!isAxiosError<Problem>(error)) throw error;
  refusal = error.response!.data.code;
}
const { data: tokens } = await new AuthenticationApi(configuration).obtainToken({
  username: "admin",
  password: "admin",
});
const admin = new Configuration({ basePath, accessToken: tokens.access });
const { data: page } = await new CatalogApi(admin).listCatalogProducts(
  undefined, undefined, undefined, undefined, undefined, undefined, 1, 2,
);

console.log(
  JSON.stringify({
    block: block.status,
    converted: converted.status,
    available: item.availableStock,
    refusal,
    page: page.results.length,
  }),
);
