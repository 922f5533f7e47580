create or replace function inventory.create_blocks(
    p_lines inventory.block_lines,
    p_reason inventory.reason default null,
    p_expires_at timestamptz default null,
    p_actor text default null,
    p_owner inventory.hold_owner default null,
    p_allow_partial boolean default false
)
returns setof store.block
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_lines constant inventory.block_line [] := p_lines;
    v_product_ids bigint [];
    v_quantities numeric [];
    v_now timestamptz := inventory.clock();
    v_posted inventory.posted [];
    v_first integer;
begin
    perform inventory.require_argument('items', p_lines is null);
    perform inventory.block_expiry(p_expires_at, v_now, v_now);
    v_product_ids := array(
        select inventory.product_id_by_sku_id(l.sku_id)
        from unnest(v_lines) with ordinality as l (sku_id, quantity, position)
        order by l.position
    );
    -- Take all locks before reading the clock, so that all blocks end at the same instant.
    perform inventory.lock_with_parts(v_product_ids);
    v_now := inventory.clock();
    v_quantities := array(
        select l.quantity from unnest(v_lines) with ordinality as l (sku_id, quantity, position) order by l.position
    );
    if p_allow_partial then
        perform inventory.require_argument('quantity', array_position(v_quantities, null) is not null);
        -- The first line of a product gets its available units before the second line does.
        v_quantities := array(
            select greatest(least(l.quantity, o.quantity + l.quantity - l.total), 0)
            from (
                select u.*, sum(u.quantity) over (partition by u.product_id order by u.position) as total
                from unnest(v_product_ids, v_quantities) with ordinality as u (product_id, quantity, position)
            ) as l
            inner join (
                select
                    u.product_id,
                    inventory.obtainable_quantity(u.product_id, sum(u.quantity), 0, v_now) as quantity
                from unnest(v_product_ids, v_quantities) as u (product_id, quantity)
                group by u.product_id
            ) as o on l.product_id = o.product_id
            order by l.position
        );
    end if;
    v_posted := inventory.post_with_parts(
        array(
            select
                inventory.line(
                    case when l.quantity = 0 then null else 'block' end, l.product_id, l.quantity,
                    -- The ids rise in the order of the lines.
                    inventory.uuid_v7(v_now + l.position * interval '1 microsecond')::text,
                    p_reason, p_actor,
                    p_expires_at => inventory.block_expiry(p_expires_at, v_now, v_now), p_owner => p_owner
                )
            from unnest(v_product_ids, v_quantities) with ordinality as l (product_id, quantity, position)
            order by l.position
        )
    );

    select min(r.ordinality) into v_first from unnest(v_posted) with ordinality as r where r.sqlstate is not null;
    if v_first is not null then
        if v_posted[v_first].detail ? 'available' then
            -- The error counts the lines of one SKU together: it tells what was available before the first of them.
            v_posted[v_first] := (
                select
                    inventory.not_enough_available(
                        (v_posted[v_first].detail ->> 'available')::numeric + t.accepted, t.quantity
                    )
                from (
                    select
                        sum(l.quantity) as quantity,
                        coalesce(sum(l.quantity) filter (where l.position < v_first), 0) as accepted
                    from unnest(v_lines) with ordinality as l (sku_id, quantity, position)
                    where l.sku_id = v_lines[v_first].sku_id
                ) as t
            );
        end if;
        perform inventory.raise_refusal(v_posted[v_first]);
    end if;
    return query
    select (p.block).*
    from (
        select r.block from unnest(v_posted) with ordinality as r where (r.block).id is not null order by r.ordinality
    ) as p;
end;
$$;

comment on function inventory.create_blocks(
    inventory.block_lines, inventory.reason, timestamptz, text, inventory.hold_owner, boolean
) is
'Create 1 to 100 temporary blocks, all or none: one block for each line, in the order of the lines.

Lines of the same SKU count together. p_allow_partial: where too little is available, a line gets what there is; a line that gets
nothing has no block. p_owner: the cart or order that the blocks are held for. Locks the stock rows of all products and
of the parts of kits first, in order of id. Errors: those of inventory.create_block; an error of one line undoes all.';

grant execute on function inventory.create_blocks(
    inventory.block_lines, inventory.reason, timestamptz, text, inventory.hold_owner, boolean
) to inventory_operator;
