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
    p_supplier_id bigint default null,
    p_owner text default null
)
returns inventory.posting
language sql
immutable
as $$
select
    row(
        p_kind, p_product_id, p_quantity, p_counted, p_unit_cost, p_location_id, p_to_location_id, p_block_id, p_expires_at,
        p_layer_id, p_returns_movement_id, p_unit_price, p_revenue, p_returned_sale_id, p_supplier_id, p_reference, p_reason,
        p_actor, p_owner, null
    )::inventory.posting;
$$;

comment on function inventory.line(
    text, bigint, numeric, text, text, text, numeric, bigint, bigint, numeric, uuid, timestamptz, bigint, bigint, numeric,
    numeric, bigint, bigint, text
) is
'Make a line for inventory.post. The comment of inventory.post explains the fields.';
