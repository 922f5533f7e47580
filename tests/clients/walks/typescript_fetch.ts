import {
  AuthenticationApi,
  CatalogApi,
  Configuration,
  ProblemFromJSON,
  ResponseError,
  SKUBlocksApi,
  StockOperationsApi,
} from "./client";

const [basePath = "", skuCode = ""] = process.argv.slice(2);
const configuration = new Configuration({ basePath });
const blocks = new SKUBlocksApi(configuration);
const stock = new StockOperationsApi(configuration);

const sku = await blocks.createSku({
  createSkuRequest: { skuCode, name: "Wireless Headphones", quantity: 100, price: 99.99 },
});
const block = await blocks.createBlock({
  skuId: sku.skuId,
  createBlockRequest: { quantity: 5, reason: "Order processing" },
});
const converted = await blocks.convertBlock({
  blockId: block.blockId,
  convertBlockRequest: { reason: "Order confirmed" },
});
const item = await stock.getInventoryItem({ id: sku.skuId });
let refusal = "";
try {
  await stock.reserveStock({ id: sku.skuId, stockAmountRequest: { amount: 96 }, idempotencyKey: skuCode });
} catch (error) {
  if (!(error instanceof ResponseError)) throw error;
  refusal = ProblemFromJSON(await error.response.json()).code;
}
const tokens = await new AuthenticationApi(configuration).obtainToken({
  obtainTokenRequest: { username: "admin", password: "admin" },
});
const admin = new Configuration({ basePath, accessToken: tokens.access });
const page = await new CatalogApi(admin).listCatalogProducts({ page: 1, pageSize: 2 });

console.log(
  JSON.stringify({
    block: block.status,
    converted: converted.status,
    available: item.availableStock,
    refusal,
    page: page.results.length,
  }),
);
