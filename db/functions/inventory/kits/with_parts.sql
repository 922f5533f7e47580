create or replace function inventory.with_parts(p_lines inventory.posting[])
returns inventory.posting[]
language plpgsql
volatile
as $$
declare
    v_lines inventory.posting [] := p_lines;
    v_line inventory.posting;
    v_part inventory.posting;
    v_kit_id bigint;
    v_now timestamptz;
    v_tick timestamptz; -- advances by a microsecond for each block, so that their ids have an order
begin
    perform inventory.lock_with_parts(array(select l.product_id from unnest(p_lines) as l));
    v_now := inventory.clock();
    v_tick := v_now + cardinality(p_lines) * interval '1 microsecond';
    for i in 1..cardinality(p_lines)
    loop
        v_line := p_lines[i];
        continue when inventory.kit_kind(v_line.kind) is null;
        select s.product_id into v_kit_id from store.stock as s where s.product_id = v_line.product_id and s.is_kit;
        continue when not found;
        if v_line.quantity <> trunc(v_line.quantity) then
            raise exception using
                errcode = 'IV054', -- KIT_NOT_WHOLE
                message = format('Product %s is a kit: only a whole number of it can be taken.', v_kit_id),
                detail = jsonb_build_object('requested', v_line.quantity);
        end if;

        -- All parts have the reference of the kit's movement, except blocks, which have ids of their own.
        v_line.kind := inventory.kit_kind(v_line.kind);
        v_line.kit_line := i;
        if v_line.kind = 'block' then
            v_line.expires_at := inventory.block_expiry(v_line.expires_at, v_now, v_now);
        end if;
        if v_line.block_id is null then
            v_line.reference := coalesce(
                v_line.reference, inventory.new_reference(v_line.kind, v_now), inventory.uuid_v7(v_now)::text
            );
        end if;
        v_lines[i] := v_line;

        v_part := v_line;
        v_part.kind := case p_lines[i].kind when 'sale' then 'part_sale' else p_lines[i].kind end;
        v_part.unit_price := null;
        v_part.owner := null;
        if v_line.block_id is not null then
            for v_part.product_id, v_part.block_id, v_part.quantity in
                select c.product_id, c.id, round(v_line.quantity * c.quantity / b.quantity, 3)
                from store.block as c
                inner join store.block as b on c.kit_block_id = b.id and b.product_id = v_kit_id
                where c.kit_block_id = v_line.block_id and c.status = 'active'
            loop
                v_lines := v_lines || v_part;
            end loop;
        else
            if v_line.kind = 'block' then
                v_part.block_id := v_line.reference::uuid;
            end if;
            for v_part.product_id, v_part.quantity in
                select k.part_id, v_line.quantity * k.quantity
                from store.kit_part as k
                where k.kit_id = v_kit_id
            loop
                if v_line.kind = 'block' then
                    v_tick := v_tick + interval '1 microsecond';
                    v_part.reference := inventory.uuid_v7(v_tick)::text;
                end if;
                v_lines := v_lines || v_part;
            end loop;
        end if;
    end loop;
    return v_lines;
end;
$$;

comment on function inventory.with_parts(inventory.posting[]) is
'Add to lines for inventory.post what the kits among them take from their parts.

The given lines keep their positions; the lines of the parts follow them. kit_line of a kit''s line and of its parts'' lines is
the position of the kit''s line. A block of a kit and the blocks of its parts end at the same instant. Locks the stock rows of all
products and parts, in order of id.

Whoever posts the lines must undo everything if one of them is refused: see inventory.post_with_parts. Errors: KIT_NOT_WHOLE;
22023 for expires_at; 40001.';
