-- The version of a product, which is a part of its tag (inventory.product_tag). The default is a constant: no row is written.

set local lock_timeout = '5s';
set local statement_timeout = '1min';

alter table store.product add column version bigint not null default 1;
comment on column store.product.version is
'How often something of the product has changed that no movement tells of: a field, a price, its inventory, the end of a block.';

-- Two functions of the release before, in use until db.apply has replaced them. Later migrations give more fields to the types
-- that they return. A call that was planned meanwhile made a row of too few fields, and failed: these name the fields.
create or replace function inventory.line(
    p_kind text,
    p_product_id bigint,
    p_quantity numeric default null,
    p_reference text default null,
    p_reason text default null,
    p_actor text default null,
    p_unit_cost numeric default null,
    p_location_id bigint default null,
    p_to_location_id bigint default null,
    p_counted numeric default null,
    p_block_id uuid default null,
    p_expires_at timestamptz default null,
    p_layer_id bigint default null,
    p_returns_movement_id bigint default null,
    p_unit_price numeric default null,
    p_revenue numeric default null,
    p_returned_sale_id bigint default null,
    p_supplier_id bigint default null
)
returns inventory.posting
language plpgsql
immutable
as $$
declare
    v_line inventory.posting;
begin
    v_line.kind := p_kind;
    v_line.product_id := p_product_id;
    v_line.quantity := p_quantity;
    v_line.counted := p_counted;
    v_line.unit_cost := p_unit_cost;
    v_line.location_id := p_location_id;
    v_line.to_location_id := p_to_location_id;
    v_line.block_id := p_block_id;
    v_line.expires_at := p_expires_at;
    v_line.layer_id := p_layer_id;
    v_line.returns_movement_id := p_returns_movement_id;
    v_line.unit_price := p_unit_price;
    v_line.revenue := p_revenue;
    v_line.returned_sale_id := p_returned_sale_id;
    v_line.supplier_id := p_supplier_id;
    v_line.reference := p_reference;
    v_line.reason := p_reason;
    v_line.actor := p_actor;
    return v_line;
end;
$$;

create or replace function inventory.webhook_info(p_webhook store.webhook, p_secret text default null)
returns inventory.webhook_info
language plpgsql
immutable
as $$
declare
    v_info inventory.webhook_info;
begin
    v_info.id := p_webhook.id;
    v_info.url := p_webhook.url;
    v_info.events := p_webhook.events;
    v_info.enabled := p_webhook.enabled;
    v_info.secret := p_secret;
    v_info.created_at := p_webhook.created_at;
    v_info.updated_at := p_webhook.updated_at;
    return v_info;
end;
$$;
