import java.math.BigDecimal;
import java.util.Map;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.AuthenticationApi;
import org.openapitools.client.api.CatalogApi;
import org.openapitools.client.api.SkuBlocksApi;
import org.openapitools.client.api.StockOperationsApi;
import org.openapitools.client.model.*;

/** The walk with the client that openapi-generator makes for Java. */
public class Walk {
    public static void main(String[] arguments) throws Exception {
        ApiClient client = new ApiClient();
        client.updateBaseUri(arguments[0]);
        SkuBlocksApi blocks = new SkuBlocksApi(client);
        StockOperationsApi stock = new StockOperationsApi(client);

        CreatedSku sku = blocks.createSku(
            new CreateSkuRequest().skuCode(arguments[1]).name("Wireless Headphones").quantity(100.0).price(99.99), null);
        Block block = blocks.createBlock(
            sku.getSkuId(), new CreateBlockRequest().quantity(5.0).reason("Order processing"), null, null);
        ConvertedBlock converted = blocks.convertBlock(
            block.getBlockId(), null, null, new ConvertBlockRequest().reason("Order confirmed"));
        InventoryItem item = stock.getInventoryItem(sku.getSkuId().toString(), null);
        String refusal = "";
        try {
            stock.reserveStock(sku.getSkuId().toString(), new StockAmountRequest().amount(96.0), arguments[1], null);
        } catch (ApiException error) {
            refusal = client.getObjectMapper().readValue(error.getResponseBody(), Problem.class).getCode();
        }
        Tokens tokens = new AuthenticationApi(client).obtainToken(
            new ObtainTokenRequest().username("admin").password("admin"), null);
        client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + tokens.getAccess()));
        CatalogProductPage page = new CatalogApi(client).listCatalogProducts(
            null, null, null, null, null, null, 1, 2, null);

        System.out.println(client.getObjectMapper().writeValueAsString(Map.of(
            "block", block.getStatus(),
            "converted", converted.getStatus(),
            "available", item.getAvailableStock(),
            "refusal", refusal,
            "page", page.getResults().size())));
    }
}
