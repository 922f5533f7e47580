-- The same checks at half the price of a reservation: PostgreSQL reads a table's checks anew in every statement that writes
-- to it, and works out there what is no constant. It looks at each row once: on a large database, plan for a pause.

-- squawk-ignore-file constraint-missing-not-valid, ban-drop-constraint

set local lock_timeout = '5s';
set local statement_timeout = '1h';

-- The two tables that every change of stock writes to have a function for theirs, which a session reads once. Functions
-- come after migrations: these two are what their files in db/functions were then, and the files replace them.
create function inventory.stock_is_sound(
    p_on_hand numeric,
    p_reserved numeric,
    p_blocked numeric,
    p_located numeric,
    p_average_quantity numeric,
    p_average_value numeric,
    p_reorder_point numeric,
    p_status text
)
returns boolean
language plpgsql
immutable
parallel safe
as $$
declare
    v_broken constant text := case
        when p_on_hand < 0 then 'stock_on_hand_not_negative'
        when p_reserved < 0 then 'stock_reserved_not_negative'
        when p_blocked < 0 then 'stock_blocked_not_negative'
        when p_on_hand - p_reserved - p_blocked < 0 then 'stock_available_not_negative'
        when p_located < 0 or p_located > p_on_hand then 'stock_located_within'
        when
            p_average_quantity < 0
            or p_average_quantity > p_on_hand
            or p_average_value < 0
            or (p_average_quantity = 0 and p_average_value <> 0)
            then 'stock_average_within'
        when p_reorder_point < 0 then 'stock_reorder_point_not_negative'
        when p_status not in ('active', 'inactive', 'archived') then 'stock_status_known'
    end;
begin
    if v_broken is not null then
        raise exception using
            errcode = 'check_violation',
            message = format('new row for relation "stock" violates check constraint "%s"', v_broken),
            schema = 'store',
            table = 'stock',
            constraint = v_broken;
    end if;
    return true;
end;
$$;

create function inventory.movement_is_sound(
    p_kind text,
    p_on_hand_before numeric,
    p_on_hand_after numeric,
    p_reserved_before numeric,
    p_reserved_after numeric,
    p_blocked_before numeric,
    p_blocked_after numeric
)
returns boolean
language plpgsql
immutable
parallel safe
as $$
declare
    v_broken constant text := case
        when p_reserved_before < 0 or p_blocked_before < 0 or p_on_hand_before - p_reserved_before - p_blocked_before < 0
            then 'movement_available_before_not_negative'
        when p_reserved_after < 0 or p_blocked_after < 0 or p_on_hand_after - p_reserved_after - p_blocked_after < 0
            then 'movement_available_after_not_negative'
        when
            p_kind not in (
                'reserve', 'block', 'convert', 'sale', 'consume', 'release', 'cancel', 'expire', 'add', 'initial', 'purchase',
                'return', 'adjust', 'remove', 'transfer', 'count', 'inflow', 'outflow', 'delete_inflow', 'delete_outflow',
                'delete_product'
            )
            then 'movement_kind_known'
    end;
begin
    if v_broken is not null then
        raise exception using
            errcode = 'check_violation',
            message = format('new row for relation "movement" violates check constraint "%s"', v_broken),
            schema = 'store',
            table = 'movement',
            constraint = v_broken;
    end if;
    return true;
end;
$$;

alter table store.stock
drop constraint stock_on_hand_not_negative,
drop constraint stock_reserved_not_negative,
drop constraint stock_blocked_not_negative,
drop constraint stock_available_not_negative,
drop constraint stock_located_within,
drop constraint stock_average_within,
drop constraint stock_reorder_point_not_negative,
drop constraint stock_status_known,
add constraint stock_sound check (
    inventory.stock_is_sound(
        on_hand, reserved, blocked, located, average_quantity, average_value, reorder_point, status
    )
);

alter table store.movement
drop constraint movement_kind_known,
drop constraint movement_available_before_not_negative,
drop constraint movement_available_after_not_negative,
add constraint movement_sound check (
    inventory.movement_is_sound(
        kind, on_hand_before, on_hand_after, reserved_before, reserved_after, blocked_before, blocked_after
    )
);

-- 0 is an integer that becomes a numeric each time, array['a', 'b'] is put together each time: '0'::numeric and '{a,b}' are
-- what they are.
do $$
declare
    v_table record;
begin
    for v_table in
        select
            n.conrelid::regclass as name,
            string_agg(
                format('drop constraint %I, add constraint %I %s', n.conname, n.conname, d.definition), ', ' order by n.conname
            ) as changes
        from pg_constraint as n
        cross join lateral (select pg_get_constraintdef(n.oid) as before) as b
        cross join lateral (
            select
                regexp_replace(
                    replace(b.before, '(0)::numeric', 'numeric ''0'''),
                    'ARRAY\[.*\]',
                    concat('''{', replace(substring(b.before, 'ARRAY\[''(.*)''::text\]'), '''::text, ''', ','), '}''::text[]')
                ) as definition
        ) as d
        where
            n.contype = 'c'
            and n.connamespace = 'store'::regnamespace
            and n.conrelid <> 0 -- of a domain
            and (b.before like '%(0)::numeric%' or b.before like '%ARRAY[%')
        group by n.conrelid
    loop
        execute format('alter table %s %s', v_table.name, v_table.changes);
    end loop;
end;
$$;
