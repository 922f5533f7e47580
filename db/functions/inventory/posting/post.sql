-- Every API changes stock by posting lines here. The function decides each line in memory, in order of product, and then writes
-- all accepted lines as sets (inventory.write_postings). docs/posting.md shows it step by step.
-- This function and those that it calls use generic plans: a plan for each length of the arrays would take longer to make than
-- to run. Hash joins, merge joins and sequential scans are disabled, so that every plan uses indexes: otherwise a plan made while
-- a table was small would later read the whole table for one row. JIT is off: the cost of a disabled scan would trigger it.
create or replace function inventory.post(p_lines inventory.posting[])
returns inventory.posted[]
language plpgsql
volatile
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set jit = off
as $$
declare
    c_limit constant integer := 10000; -- expired blocks, or cost layers, that one line may use: less than a second of work
    v_order integer [] := array[1];
    v_position integer;
    v_line inventory.posting;
    v_kind inventory.movement_kind;
    v_posted inventory.posted;
    v_result inventory.posted [];
    -- The current product: its balances after the lines so far (v_stock), and the time of its movements (v_at). v_tick advances
    -- by a microsecond for each line, so that the ids of blocks and the arrivals at locations have an order.
    v_product_id bigint;
    v_is_locked boolean;
    v_is_seen boolean; -- v_stock was read without the lock
    v_seen record;
    v_locked store.stock [];
    v_next integer;
    v_stock store.stock;
    v_before store.stock;
    v_at timestamptz;
    v_tick timestamptz;
    v_on_hand numeric;
    v_reserved numeric;
    v_blocked numeric;
    v_wanted numeric;
    v_free numeric;
    v_movement store.movement;
    -- The rows that inventory.write_postings writes
    v_stock_at integer;
    v_stocks store.stock [];
    v_movements store.movement [];
    v_kinds text [];
    v_blocks store.block [];
    v_ended store.block [];
    v_opened store.cost_layer [];
    v_changed store.cost_layer [];
    v_uses store.cost_layer_use [];
    v_location_stocks store.location_stock [];
    v_location_movements store.location_movement [];
    v_low store.stock [];
    -- Blocks
    v_block store.block;
    v_ended_ids uuid [];
    v_expiring store.block [];
    v_last_expired store.block;
    v_expired numeric;
    -- Cost layers: a departure uses the stored ones, oldest first, and then those that earlier lines opened.
    c_layers cursor (p_id bigint, p_layer_id bigint) for
        select *
        from store.cost_layer as l
        where l.product_id = p_id and l.is_open and (p_layer_id is null or l.id = p_layer_id)
        order by l.number;
    v_is_reading boolean;
    v_is_stored boolean;
    v_opened_at integer;
    v_changed_at integer;
    v_layer store.cost_layer;
    v_use store.cost_layer_use;
    v_uses_before integer;
    v_left numeric;
    v_taken numeric;
    v_unit_cost numeric;
    v_cost_price numeric;
    v_known numeric;
    v_value numeric;
    -- Locations: those of the current product are in v_location_stocks after the position v_location_base.
    v_location_base integer := 0;
    v_seen_location_ids bigint [];
    v_location_at integer;
    v_location_stock store.location_stock;
    v_named store.location_stock; -- the stock at the line's location
    v_held numeric;
    v_location_ids bigint [];
    v_changes numeric [];
    v_arrived_at timestamptz;
begin
    if cardinality(p_lines) > 1 then
        v_order := array(
            select l.ordinality::integer from unnest(p_lines) with ordinality as l order by l.product_id, l.ordinality
        );
        v_result := array_fill(null::inventory.posted, array[cardinality(p_lines)]);
        v_next := 1;
        -- Lock the stock rows in order of id. A product is not locked if none of its lines can succeed, even if all of its
        -- expired blocks were ended.
        v_locked := array(
            select s
            from store.stock as s
            where
                s.product_id = any(
                    array(
                        select l.product_id
                        from unnest(p_lines) as l
                        inner join store.stock as t on l.product_id = t.product_id
                        cross join lateral inventory.movement_kind(l.kind) as k
                        where
                            l.kind is not null
                            and case
                                when l.kit_line is not null then true
                                when l.kind = 'convert' or k.reserved + k.blocked - k.on_hand <= 0 then true
                                when l.quantity <= t.on_hand - t.reserved - t.blocked then true
                                when t.blocked > 0 and l.quantity <= t.on_hand - t.reserved then
                                    l.quantity <= t.on_hand - t.reserved - t.blocked
                                    + inventory.expired_quantity(t.product_id, inventory.clock())
                                else false
                            end
                            or l.location_id is not null
                    )
                )
            order by s.product_id
            for no key update
        );
    end if;

    foreach v_position in array v_order
    loop
        v_line := p_lines[v_position];
        continue when v_line.kind is null;
        v_kind := inventory.movement_kind(v_line.kind);
        v_posted := null;

        if v_product_id is distinct from v_line.product_id or v_stock_at is null then
            if v_stock_at is not null then
                v_is_locked := false;
                v_is_seen := false;
                v_last_expired := null;
                v_cost_price := null;
                v_layer := null;
                v_opened_at := null;
                v_seen_location_ids := null;
                v_location_base := coalesce(cardinality(v_location_stocks), 0);
                if v_is_reading then
                    close c_layers;
                    v_is_reading := false;
                end if;
            end if;
            v_product_id := v_line.product_id;
            v_stock_at := coalesce(cardinality(v_stocks), 0) + 1;
        elsif v_line.returns_movement_id is not null or v_line.layer_id is not null then
            raise exception using
                errcode = 'feature_not_supported',
                message = 'A line that names a departure or a cost layer must be posted alone.';
        end if;

        -- The changes of the balances, as far as they are known before the lock.
        if (v_line.quantity <> 0) is not true then
            if
                coalesce(v_line.quantity, v_line.counted) is null
                and v_line.kind not in ('convert', 'cancel', 'kit_convert', 'expire')
            then
                v_result[v_position] := inventory.refusal(
                    '22004', 'quantity is required', jsonb_build_object('field', 'quantity')
                );
                continue;
            elsif v_line.quantity = 0 and v_line.location_id is null then
                -- A quantity of 0 changes nothing, whatever the inventory's status, but the product must exist.
                if not exists (select from store.product as p where p.id = v_product_id) then
                    v_result[v_position] := inventory.no_product(v_product_id);
                end if;
                continue;
            end if;
        end if;
        v_on_hand := coalesce(v_line.quantity, 0) * v_kind.on_hand;
        v_reserved := coalesce(v_line.quantity, 0) * v_kind.reserved;
        v_blocked := coalesce(v_line.quantity, 0) * v_kind.blocked;
        -- A kit has no units: the lines of its parts take them.
        v_wanted := case
            when v_line.kind = 'convert' or v_line.kit_line = v_position then 0
            else v_reserved + v_blocked - v_on_hand
        end;

        -- Lock the stock row. A line that asks for more than is available takes no lock: it is refused from one snapshot, unless
        -- ending expired blocks would make enough available.
        if v_is_locked is not true then
            if cardinality(p_lines) = 1 then
                select * into v_stock
                from store.stock as s
                where
                    s.product_id = v_product_id
                    and (v_wanted <= 0 or s.on_hand - s.reserved - s.blocked >= v_wanted)
                    -- A kit must not be locked before its parts.
                    and (not s.is_kit or v_line.kit_line is not null or v_line.kind = 'expire')
                for no key update;
                v_is_locked := found;
            else
                while v_locked[v_next].product_id < v_product_id
                loop
                    v_next := v_next + 1;
                end loop;
                v_is_locked := v_locked[v_next].product_id = v_product_id;
                if v_is_locked then
                    v_stock := v_locked[v_next];
                end if;
            end if;
            v_at := inventory.clock();
            if v_is_locked is not true then
                if v_is_seen is not true then
                    -- One statement reads everything from one snapshot. A line that names a location gets here only if it is
                    -- posted alone.
                    select
                        s as stock,
                        case when s.blocked > 0 then inventory.expired_quantity(s.product_id, v_at) else 0 end as expired,
                        inventory.held_at(s.product_id, v_line.location_id) as held
                    into v_seen
                    from store.stock as s
                    where s.product_id = v_product_id;
                    v_stock := v_seen.stock;
                    v_expired := v_seen.expired;
                    v_is_seen := true;
                end if;
                v_posted := inventory.refusal_without_lock(
                    v_line, v_stock, v_on_hand, v_reserved, v_blocked, v_kind.requires_active, v_expired, v_seen.held
                );
                if v_posted.sqlstate is not null then
                    v_result[v_position] := v_posted;
                    continue;
                elsif cardinality(p_lines) > 1 then
                    -- Locking the row now would break the order of locks.
                    raise exception using
                        errcode = 'serialization_failure',
                        message = format('The stock of product %s changed meanwhile.', v_product_id);
                end if;
                select * into v_stock from store.stock as s where s.product_id = v_product_id for no key update;
                v_is_locked := true;
                v_at := inventory.clock();
            end if;
            v_tick := v_at;
            -- As inventory.feed_key() says it.
            v_stock.feed_key := greatest(v_stock.feed_key, v_stock.feed_base + pg_current_xact_id()::text::bigint);
        end if;
        if v_stock.is_kit and (v_line.kit_line = v_position) is not true and v_line.kind <> 'expire' then
            v_result[v_position] := inventory.kit_refusal(v_line);
            continue;
        end if;

        -- The block that the line ends
        if v_line.kind in ('convert', 'cancel', 'kit_convert') then
            v_block := v_ended[array_position(v_ended_ids, v_line.block_id)];
            if v_block.id is null then
                select * into v_block from store.block as b where b.id = v_line.block_id and b.product_id = v_product_id;
            end if;
            v_posted := inventory.block_refusal(v_line.block_id, v_block, v_at, v_line.quantity);
            if v_block.kit_block_id is not null and v_line.kit_line is null and v_posted.sqlstate is null then
                v_posted := inventory.block_of_kit(v_block);
            end if;
            if v_posted.sqlstate is not null then
                v_result[v_position] := v_posted;
                continue;
            end if;
            v_on_hand := coalesce(v_line.quantity, v_block.quantity) * v_kind.on_hand;
            v_blocked := -v_block.quantity;
            v_wanted := v_blocked - v_on_hand;
        end if;

        -- The stock at the line's location
        v_held := null;
        if v_line.location_id is not null then
            v_location_at := array_position(v_seen_location_ids, v_line.location_id);
            if v_location_at is null then
                select * into v_named
                from store.location_stock as h
                where h.product_id = v_product_id and h.location_id = v_line.location_id;
            else
                v_named := v_location_stocks[v_location_base + v_location_at];
            end if;
            v_held := coalesce(v_named.quantity, 0);
            v_posted.booked := v_held;
            if v_line.counted is not null then
                v_on_hand := v_line.counted - v_held;
                v_wanted := -v_on_hand;
            end if;
        end if;

        -- If too little is available, end expired blocks, the oldest first, until there is enough.
        v_free := case when v_stock.is_kit then 0 else v_stock.on_hand - v_stock.reserved - v_stock.blocked end;
        v_expired := 0;
        if v_stock.blocked > 0 and (v_free < v_wanted or v_line.kind = 'expire') then
            v_expiring := '{}'::store.block [];
            for v_block in
                select *
                from store.block as b
                where
                    b.product_id = v_product_id
                    and inventory.is_expired_block(b, v_at)
                    and (
                        v_last_expired.id is null
                        or (b.expires_at, b.id) > (v_last_expired.expires_at, v_last_expired.id)
                    )
                order by b.expires_at, b.id
                limit case v_line.kind when 'expire' then v_line.quantity else c_limit + 1 end
            loop
                v_expiring := v_expiring || v_block;
                v_expired := v_expired + v_block.quantity;
                exit when v_free + v_expired >= v_wanted and v_line.kind <> 'expire';
            end loop;
            if cardinality(v_expiring) > c_limit and v_line.kind <> 'expire' then
                raise exception using
                    errcode = 'configuration_limit_exceeded',
                    message = format('More than %s expired blocks of product %s must be ended first.', c_limit, v_product_id),
                    hint = 'Call maintenance.expire_blocks() until it returns 0, and check why its job does not run.';
            end if;
        end if;
        if
            (v_wanted > 0 and v_free + v_expired < v_wanted)
            or (
                case when v_line.kit_line <> v_position then v_stock.kit_reserved else v_stock.reserved - v_stock.kit_reserved end
            ) + v_reserved < 0
            or v_held + v_on_hand < 0
            or (v_line.kind = 'transfer' and v_held < v_line.quantity)
            or (v_kind.requires_active and v_stock.status <> 'active')
            or v_stock.on_hand + v_on_hand >= 1000000000
        then
            v_result[v_position] := inventory.balance_refusal(
                v_line, v_stock, v_on_hand, v_reserved, v_blocked, v_kind.requires_active, v_expired, v_held
            );
            continue;
        end if;
        if v_expired > 0 then
            foreach v_block in array v_expiring
            loop
                v_before := v_stock;
                v_stock.blocked := v_stock.blocked - v_block.quantity;
                v_stock.last_number := v_stock.last_number + 1;
                v_stock.updated_at := v_at;
                v_stocks[v_stock_at] := v_stock;
                v_movements := v_movements || inventory.new_movement(
                    'expire', v_before, v_stock, v_block.id::text, null, 'expiry', v_block.expires_at
                );
                v_last_expired := v_block;
                v_block.status := 'expired';
                v_block.ended_at := v_block.expires_at;
                v_ended := v_ended || v_block;
                v_ended_ids := v_ended_ids || v_block.id;
            end loop;
        end if;
        if
            v_line.kind = 'expire'
            or (
                v_on_hand = 0 and v_reserved = 0 and v_blocked = 0
                and v_line.kind not in ('transfer', 'kit_sale', 'kit_return')
            )
        then
            v_posted.ended := case when v_expired > 0 then cardinality(v_expiring) else 0 end;
            v_result[v_position] := v_posted;
            continue;
        end if;

        -- The cost of arriving and returned units, and the moving average: units of known cost are added to its pool, and a
        -- departure takes a proportional share out of it.
        v_before := v_stock;
        if v_on_hand > 0 then
            if v_line.returns_movement_id is not null then
                select sum(r.quantity), sum(r.quantity) filter (where r.cost is not null), sum(r.cost)
                into v_left, v_known, v_value
                from inventory.returnable_units(v_product_id, v_line.returns_movement_id, v_on_hand) as r;
                if v_left is distinct from v_on_hand then
                    v_result[v_position] := inventory.refusal(
                        'IV028', -- RETURN_EXCEEDS_DEPARTURE
                        format('Only %s can still come back.', trim_scale(coalesce(v_left, 0))),
                        jsonb_build_object('returnable', coalesce(v_left, 0), 'requested', v_on_hand)
                    );
                    continue;
                end if;
            else
                v_unit_cost := v_line.unit_cost;
                if v_unit_cost is null then
                    if v_cost_price is null then
                        select p.cost_price into v_cost_price from store.product as p where p.id = v_product_id;
                    end if;
                    v_unit_cost := v_cost_price;
                end if;
                v_value := round(v_on_hand * v_unit_cost, 3);
                v_known := case when v_value is null then 0 else v_on_hand end;
            end if;
            v_stock.average_quantity := v_stock.average_quantity + coalesce(v_known, 0);
            v_stock.average_value := v_stock.average_value + coalesce(v_value, 0);
        elsif v_on_hand < 0 then
            v_known := inventory.share(v_stock.average_quantity, -v_on_hand, v_stock.on_hand);
            v_stock.average_value := v_stock.average_value
                - inventory.share(v_stock.average_value, v_known, v_stock.average_quantity);
            v_stock.average_quantity := v_stock.average_quantity - v_known;
        end if;

        -- The balances
        if v_on_hand <> 0 then
            v_stock.on_hand := v_stock.on_hand + v_on_hand;
            v_stock.located := case
                when v_held is null then least(v_stock.located, v_stock.on_hand)
                else v_stock.located + v_on_hand
            end;
        end if;
        v_stock.reserved := v_stock.reserved + v_reserved;
        if v_line.kit_line <> v_position then
            v_stock.kit_reserved := v_stock.kit_reserved + v_reserved;
        end if;
        v_stock.blocked := v_stock.blocked + v_blocked;
        v_stock.last_number := v_stock.last_number + 1;
        v_stock.updated_at := v_at;
        v_stocks[v_stock_at] := v_stock;

        -- The movement, and the block that begins or ends with it
        v_movement := inventory.new_movement(
            v_line.kind, v_before, v_stock,
            coalesce(v_line.reference, v_line.block_id::text, inventory.new_reference(v_line.kind, v_tick)),
            v_line.reason, v_line.actor, v_at
        );
        if v_line.kind = 'block' then
            v_block := null;
            v_block.id := v_movement.reference::uuid;
            v_block.product_id := v_product_id;
            v_block.quantity := v_line.quantity;
            v_block.reason := v_line.reason;
            v_block.status := 'active';
            v_block.expires_at := inventory.block_expiry(v_line.expires_at, v_at, v_at);
            v_block.created_at := v_at;
            v_block.created_by := v_movement.actor;
            v_block.kit_block_id := v_line.block_id;
            v_block.owner := v_line.owner;
            v_block.is_held := v_line.owner is not null;
            v_blocks := v_blocks || v_block;
            v_posted.block := v_block;
        elsif v_line.block_id is not null then
            v_block.status := case v_line.kind when 'cancel' then 'cancelled' else 'converted' end;
            v_block.ended_at := v_at;
            v_block.ended_reason := v_line.reason;
            v_block.ended_by := v_movement.actor;
            v_block.is_held := false;
            v_block.converted_quantity := case v_line.kind
                when 'convert' then -v_on_hand
                when 'kit_convert' then coalesce(v_line.quantity, v_block.quantity)
            end;
            v_ended := v_ended || v_block;
            v_ended_ids := v_ended_ids || v_block.id;
            v_posted.block := v_block;
        end if;

        -- Cost layers: an arrival opens one, returned units go back into the layers that they left, a departure takes the oldest
        -- units.
        if v_on_hand <> 0 then
            if v_line.returns_movement_id is not null then
                for v_use in
                    select v_product_id, v_movement.id, r.layer_id, -r.quantity, -r.cost, v_line.returns_movement_id
                    from inventory.returnable_units(v_product_id, v_line.returns_movement_id, v_on_hand) as r
                loop
                    select * into v_layer from store.cost_layer as l where l.product_id = v_product_id and l.id = v_use.layer_id;
                    v_layer.remaining := v_layer.remaining - v_use.quantity;
                    v_layer.remaining_value := v_layer.remaining_value - v_use.cost;
                    v_layer.is_open := true;
                    v_changed := v_changed || v_layer;
                    v_uses := v_uses || v_use;
                end loop;
                v_movement.cost := case when v_known = v_on_hand then v_value end;
            elsif v_on_hand > 0 then
                v_opened := v_opened || inventory.new_layer(v_movement, v_on_hand, v_unit_cost, v_value);
                v_opened_at := coalesce(v_opened_at, cardinality(v_opened));
                v_movement.cost := v_value;
            elsif v_on_hand < 0 then
                v_left := -v_on_hand;
                v_value := 0;
                v_uses_before := coalesce(cardinality(v_uses), 0);
                while v_left > 0
                loop
                    if (v_layer.remaining > 0) is not true then
                        if v_is_reading is not true then
                            open c_layers (v_product_id, v_line.layer_id);
                            v_is_reading := true;
                        end if;
                        fetch c_layers into v_layer;
                        v_is_stored := found;
                        if v_is_stored then
                            v_changed_at := coalesce(cardinality(v_changed), 0) + 1;
                        else
                            v_layer := v_opened[v_opened_at];
                            v_opened_at := v_opened_at + 1;
                        end if;
                    end if;
                    if v_layer.id is null then
                        raise exception using
                            errcode = 'data_corrupted',
                            message = format('The cost layers of product %s hold %s less than its stock.', v_product_id, v_left),
                            hint = format('Run maintenance.verify(%1$s, %1$s).', v_product_id);
                    elsif cardinality(v_uses) - v_uses_before >= c_limit then
                        raise exception using
                            errcode = 'IV046', -- TOO_MANY_LAYERS
                            message = format(
                                'No more than %s units can leave at once: they are in %s cost layers.',
                                trim_scale(-v_on_hand - v_left), c_limit
                            ),
                            detail = jsonb_build_object('possible', -v_on_hand - v_left, 'requested', -v_on_hand);
                    end if;

                    v_taken := least(v_left, v_layer.remaining);
                    v_use.product_id := v_product_id;
                    v_use.movement_id := v_movement.id;
                    v_use.layer_id := v_layer.id;
                    v_use.quantity := v_taken;
                    v_use.cost := inventory.share(v_layer.remaining_value, v_taken, v_layer.remaining);
                    v_use.returns_movement_id := null;
                    v_uses := v_uses || v_use;
                    v_layer.remaining := v_layer.remaining - v_taken;
                    v_layer.remaining_value := v_layer.remaining_value - v_use.cost;
                    v_layer.is_open := v_layer.remaining > 0;
                    if v_is_stored then
                        v_changed[v_changed_at] := v_layer;
                    else
                        v_opened[v_opened_at - 1] := v_layer;
                    end if;
                    v_value := v_value + v_use.cost; -- null if any of the costs is not known
                    v_left := v_left - v_taken;
                end loop;
                v_movement.cost := v_value;
            end if;
            if v_line.kind in ('sale', 'return', 'purchase', 'inflow', 'outflow') then
                v_kinds := v_kinds || v_line.kind;
            end if;
            if
                v_stock.on_hand <= v_stock.reorder_point and v_before.on_hand > v_stock.reorder_point
                and v_line.kind <> 'delete_product'
            then
                v_low := v_low || v_stock;
            end if;
        elsif v_line.kind in ('kit_sale', 'kit_return') then
            v_kinds := v_kinds || v_line.kind;
        end if;
        v_movements := v_movements || v_movement;
        v_posted.movement := v_movement;
        v_result[v_position] := v_posted;

        -- Locations: the one that the line names. If it names none, units leave unlocated stock first, and then the locations at
        -- which stock arrived first.
        if v_line.location_id is not null or v_stock.located < v_before.located then
            v_location_ids := '{}'::bigint [];
            if v_line.kind = 'transfer' then
                v_location_ids := array[v_line.location_id, v_line.to_location_id];
                v_changes := array[-v_line.quantity, v_line.quantity];
            elsif v_line.location_id is not null then
                v_location_ids := array[v_line.location_id];
                v_changes := array[v_on_hand];
            elsif v_stock.located < v_before.located then
                v_changes := '{}'::numeric [];
                v_left := v_before.located - v_stock.located;
                for v_location_stock in
                    select *
                    from store.location_stock as h
                    where
                        h.product_id = v_product_id
                        and h.quantity > 0
                        and h.location_id <> all(coalesce(v_seen_location_ids, '{}'))
                    union all
                    select * from unnest(v_location_stocks[v_location_base + 1:]) as p where p.quantity > 0
                    order by arrived_at, location_id
                loop
                    v_location_ids := v_location_ids || v_location_stock.location_id;
                    v_changes := v_changes || -least(v_location_stock.quantity, v_left);
                    v_left := v_left - least(v_location_stock.quantity, v_left);
                    exit when v_left = 0;
                end loop;
            end if;
            v_arrived_at := v_tick;
            for i in 1..cardinality(v_location_ids)
            loop
                v_location_at := v_location_base + array_position(v_seen_location_ids, v_location_ids[i]);
                if v_location_at is null then
                    if v_location_ids[i] is distinct from v_line.location_id then
                        select * into v_named
                        from store.location_stock as h
                        where h.product_id = v_product_id and h.location_id = v_location_ids[i];
                    end if;
                    v_location_stock := row(
                        v_product_id, v_location_ids[i], coalesce(v_named.quantity, 0), v_named.arrived_at
                    )::store.location_stock;
                    v_seen_location_ids := v_seen_location_ids || v_location_ids[i];
                    v_location_at := v_location_base + cardinality(v_seen_location_ids);
                else
                    v_location_stock := v_location_stocks[v_location_at];
                end if;
                v_location_movements := v_location_movements || row(
                    v_product_id, v_movement.id, v_location_ids[i],
                    v_location_stock.quantity, v_location_stock.quantity + v_changes[i]
                )::store.location_movement;
                if v_changes[i] > 0 then
                    -- Units that are moved keep their time of arrival. A location that already holds units keeps the older time.
                    v_location_stock.arrived_at := case
                        when v_location_stock.quantity = 0 then v_arrived_at else least(v_location_stock.arrived_at, v_arrived_at)
                    end;
                end if;
                v_location_stock.quantity := v_location_stock.quantity + v_changes[i];
                v_location_stocks[v_location_at] := v_location_stock;
                v_arrived_at := v_location_stock.arrived_at;
            end loop;
        end if;
        v_tick := v_tick + interval '1 microsecond';
    end loop;

    if v_movements is not null then
        if v_is_reading then
            close c_layers;
        end if;
        perform inventory.write_postings(
            v_stocks, v_movements, v_blocks, v_ended, v_opened, v_changed, v_uses, v_location_stocks, v_location_movements, v_low
        );
        if v_kinds is not null then
            if v_kinds && '{sale,return,kit_sale,kit_return}'::text [] then
                perform inventory.write_sales(p_lines, v_result);
            end if;
            if 'purchase' = any(v_kinds) then
                perform inventory.write_purchases(p_lines, v_result);
            end if;
            if 'inflow' = any(v_kinds) then
                perform inventory.write_inflows(p_lines, v_result);
            end if;
            if 'outflow' = any(v_kinds) then
                perform inventory.write_outflows(p_lines, v_result);
            end if;
        end if;
    end if;
    return v_result;
end;
$$;

comment on function inventory.post(inventory.posting[]) is
'Post lines: change balances, and write movements, cost layers, blocks and the stock of locations.

Returns one result for each line, in the order of the lines: the movement, or the reason for a refusal (sqlstate, message, detail,
hint). A refused line changes nothing and does not affect the other lines. A line whose kind is null is skipped, and a quantity of
0 changes nothing.

The fields of a line:
kind: what happens (see inventory.movement_kind).
product_id: the product.
quantity: a number of 0 or more. For adjust and count it is signed. For convert, null means the whole block. For expire it is the
maximum number of blocks to end.
counted: instead of a quantity, the number of units that are at the location now.
unit_cost: the cost of an arriving unit; null: the product''s cost price.
location_id: the location; null: the line names none. to_location_id: the target of a transfer.
block_id: the block that ends; for a block of a kit''s part, the block of the kit. expires_at: the end of a new block; null: after
the default duration. owner: what it is held for; may be null.
layer_id: the only cost layer that units may be taken from.
returns_movement_id: the departure whose units come back.
unit_price: for a sale. revenue, returned_sale_id: for a return. supplier_id: for a purchase or an inflow.
reference: null: a new id for a kind that has records of its own. reason. actor: null: the login.
kit_line: the position of the line of the kit that this line belongs to (inventory.with_parts). Lines with a kit_line are all
posted, or all undone by the caller.

Lines of one product are decided in their order. The function locks the stock rows of the products in order of id, until the end
of the transaction; a line that cannot succeed takes no lock. The lock of a product also protects its blocks and its stock at
locations.

Refusals: INSUFFICIENT_STOCK, INSUFFICIENT_RESERVED, PRODUCT_NOT_FOUND, BLOCK_NOT_FOUND, BLOCK_EXPIRED, BLOCK_CONVERTED,
BLOCK_CANCELLED, BLOCK_QUANTITY_EXCEEDED, INVENTORY_NOT_ACTIVE, QUANTITY_OUT_OF_RANGE, INVENTORY_NOT_INITIALIZED,
RETURN_EXCEEDS_DEPARTURE, BLOCK_OF_KIT, KIT_HOLDS_NO_STOCK, 22004; 40001 for a line of a kit that has no kit_line.
Errors that undo all lines: TOO_MANY_LAYERS; 53400 if more than 10 000 expired blocks would have to be ended; 22023 for
expires_at; 40001; 55P03.';
