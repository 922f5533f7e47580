create or replace view http.block_json as
select
    r.block_id as id,
    row_to_json(r) as item
from (
    select
        b.id as block_id,
        p.sku_id,
        trim_scale(b.quantity) as quantity,
        b.reason,
        b.status,
        inventory.instant_text(b.expires_at) as expires_at,
        inventory.instant_text(b.created_at) as created_at,
        b.owner,
        b.kit_block_id
    from store.block as b
    inner join store.product as p on b.product_id = p.id
) as r;

comment on view http.block_json is
'A block as API 1 shows it after it was created or extended, and in its SKU.

kit_block_id: the block of the kit whose part it holds; null: a block of its own.

Returns {"block_id": "uuid", "sku_id": "uuid", "quantity": "quantity", "reason": "text?", "status": "active",
"expires_at": "timestamp", "created_at": "timestamp", "owner": "text?", "kit_block_id": "uuid?"}';
