// The walk with the client that openapi-generator makes for Go.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	inventory "shop.example/stock/client"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	configuration := inventory.NewConfiguration()
	configuration.Servers = inventory.ServerConfigurations{{URL: os.Args[1]}}
	client := inventory.NewAPIClient(configuration)
	ctx := context.Background()

	sku, _, err := client.SKUBlocksAPI.CreateSku(ctx).
		CreateSkuRequest(*inventory.NewCreateSkuRequest(os.Args[2], "Wireless Headphones", 100, 99.99)).Execute()
	must(sku, err)
	hold := inventory.NewCreateBlockRequest(5)
	hold.SetReason("Order processing")
	block, _, err := client.SKUBlocksAPI.CreateBlock(ctx, sku.SkuId).CreateBlockRequest(*hold).Execute()
	must(block, err)
	converted, _, err := client.SKUBlocksAPI.ConvertBlock(ctx, block.BlockId).Execute()
	must(converted, err)
	item, _, err := client.StockOperationsAPI.GetInventoryItem(ctx, sku.SkuId).Execute()
	must(item, err)
	_, err = client.StockOperationsAPI.ReserveStock(ctx, sku.SkuId).
		StockAmountRequest(*inventory.NewStockAmountRequest(96)).IdempotencyKey(os.Args[2]).Execute()
	refusal := err.(*inventory.GenericOpenAPIError).Model().(inventory.Problem)
	tokens, _, err := client.AuthenticationAPI.ObtainToken(ctx).
		ObtainTokenRequest(*inventory.NewObtainTokenRequest("admin", "admin")).Execute()
	must(tokens, err)
	admin := context.WithValue(ctx, inventory.ContextAccessToken, tokens.Access)
	page, _, err := client.CatalogAPI.ListCatalogProducts(admin).Page(1).PageSize(2).Execute()
	must(page, err)

	fmt.Println(string(must(json.Marshal(map[string]any{
		"block":     block.Status,
		"converted": converted.Status,
		"available": item.AvailableStock,
		"refusal":   refusal.Code,
		"page":      len(page.Results),
	}))))
}
