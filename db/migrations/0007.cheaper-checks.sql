-- The same checks at half the price of a reservation: PostgreSQL reads a table's checks anew in every statement that writes
-- to it, and works out there what is no constant. It looks at each row once: on a large database, plan for a pause.

-- squawk-ignore-file constraint-missing-not-valid, ban-drop-constraint

set local lock_timeout = '5s';
set local statement_timeout = '1h';

-- A session reads a domain's checks once.
create domain store.movement_kind as text
constraint movement_kind_known check (
    value in (
        'initial', 'add', 'reserve', 'release', 'consume', 'block', 'convert', 'cancel', 'expire',
        'purchase', 'sale', 'return', 'adjust', 'remove', 'transfer', 'count',
        'inflow', 'outflow', 'delete_inflow', 'delete_outflow', 'delete_product'
    )
);
comment on domain store.movement_kind is 'What a movement can be.';

alter table store.movement
drop constraint movement_kind_known,
drop constraint movement_available_before_not_negative,
drop constraint movement_available_after_not_negative,
add constraint movement_kind_known check (kind::store.movement_kind is not null),
add constraint movement_available_before_not_negative
check (least(on_hand_before - reserved_before - blocked_before, reserved_before, blocked_before) >= numeric '0'),
add constraint movement_available_after_not_negative
check (least(on_hand_after - reserved_after - blocked_after, reserved_after, blocked_after) >= numeric '0');
comment on constraint movement_kind_known on store.movement is
'The domain refuses what is of no kind, under the same name: what it lets pass is never null.';

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
            and n.conrelid not in (0, 'store.movement'::regclass) -- 0: of a domain
            and (b.before like '%(0)::numeric%' or b.before like '%ARRAY[%')
        group by n.conrelid
    loop
        execute format('alter table %s %s', v_table.name, v_table.changes);
    end loop;
end;
$$;
