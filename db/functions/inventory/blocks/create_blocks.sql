create or replace function inventory.create_blocks(
    p_lines inventory.block_lines,
    p_reason inventory.reason default null,
    p_expires_at timestamptz default null,
    p_actor text default null
)
returns setof store.block
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := inventory.clock();
    v_product_ids bigint [] := array[]::bigint [];
    v_line inventory.block_line;
    v_index integer := 0;
    v_expires_at timestamptz;
begin
    perform inventory.require_argument('items', p_lines is null);
    perform inventory.block_expiry(p_expires_at, v_now, v_now);
    foreach v_line in array p_lines::inventory.block_line []
    loop
        v_product_ids := v_product_ids || inventory.product_id_by_sku_id(v_line.sku_id);
    end loop;

    -- In order of id, whatever order the lines are in: two such calls never wait for each other in a ring.
    perform
    from store.stock as s
    where s.product_id = any(v_product_ids)
    order by s.product_id
    for no key update;

    -- Lines of one SKU count together: a refusal tells what is available before the first of them.
    perform inventory.make_room(t.product_id, 0, 0, t.quantity, true)
    from (
        select i.product_id, sum(l.quantity) as quantity
        from unnest(v_product_ids) with ordinality as i (product_id, position)
        inner join unnest(p_lines::inventory.block_line []) with ordinality as l (sku_id, quantity, position)
            on i.position = l.position
        group by i.product_id
        having count(*) > 1
        order by i.product_id
    ) as t;

    v_now := inventory.clock();
    v_expires_at := inventory.block_expiry(p_expires_at, v_now, v_now);
    foreach v_line in array p_lines::inventory.block_line []
    loop
        v_index := v_index + 1;
        return next inventory.hold(v_product_ids[v_index], v_line.quantity, p_reason, v_expires_at, p_actor);
    end loop;
end;
$$;

comment on function inventory.create_blocks(inventory.block_lines, inventory.reason, timestamptz, text) is
'Hold 1 to 100 lines, all or nothing: one block a line, in the lines'' order.

Lines that name one SKU count together. Locks the stock rows of all products first, in order of id. Errors: those of
inventory.create_block; one line''s error undoes all.';

grant execute on function inventory.create_blocks(
    inventory.block_lines, inventory.reason, timestamptz, text
) to inventory_operator;
