-- The ledger by month. What it holds so far becomes its first partition as it is: it is read, not written anew. The months
-- from there on are made by maintenance.make_partitions(), which db/apply.py calls.

-- squawk-ignore-file constraint-missing-not-valid, renaming-table, renaming-object

set local lock_timeout = '5s';
set local statement_timeout = '1h';

alter table store.movement rename to movement_default;
alter index store.movement_pkey rename to movement_default_pkey;
alter index store.movement_created_idx rename to movement_default_created_at_idx;

create table store.movement (
    like store.movement_default including defaults including constraints including comments
) partition by range (created_at);
alter sequence store.movement_id_seq owned by store.movement.id;
comment on table store.movement is
'The ledger: one immutable row for every change of a balance, by month (UTC). A product''s rows are a chain: each begins where
the last ended. Each partition has the key (product_id, id); the sequence makes it one of the whole.';

do $$
declare
    v_last constant timestamptz := (select max(m.created_at) from store.movement_default as m);
    v_until constant timestamp := date_trunc('month', greatest(v_last, now()) at time zone 'UTC') + interval '1 month';
    v_table text;
begin
    if v_last is not null then
        -- maintenance.make_partitions() goes by the names.
        v_table := 'movement_before_' || to_char(v_until, 'YYYY_MM');
        execute format('alter table store.movement_default rename to %I', v_table);
        execute format('alter index store.movement_default_pkey rename to %I', v_table || '_pkey');
        execute format('alter index store.movement_default_created_at_idx rename to %I', v_table || '_created_at_idx');
        execute format('create table store.movement_default (like store.%I including all)', v_table);
        execute format(
            'alter table store.movement attach partition store.%I for values from (minvalue) to (%L)',
            v_table, to_char(v_until, 'YYYY-MM-DD 00:00:00+00')
        );
        execute format('comment on table store.%I is %L', v_table, 'Movements of the time before the ledger was by month.');
    end if;
    alter table store.movement attach partition store.movement_default default;
end;
$$;
comment on table store.movement_default is
'Movements of months that have no partition: none is refused because one is missing. maintenance.make_partitions() moves them.';

create table store.detached_month (
    name text primary key,
    until timestamptz not null,
    movements bigint not null,
    detached_at timestamptz not null
);
comment on table store.detached_month is
'Partitions that maintenance.detach_movements() took out of the ledger: it begins where the last of them ends.';

create table store.opening_balance (
    product_id bigint primary key,
    movement_id bigint not null,
    on_hand numeric(12, 3) not null,
    reserved numeric(12, 3) not null,
    blocked numeric(12, 3) not null,
    average_quantity numeric(12, 3) not null,
    average_value numeric(32, 3) not null
);
comment on table store.opening_balance is
'What a product had after the last of its movements that were detached: what the ledger has of it begins there.';
comment on column store.opening_balance.movement_id is 'That movement.';

-- Where many callers of one product wait for each other, an update in a hundred finds its page full of versions that somebody
-- still sees, and goes to another one: VACUUM gives those pages back before they are many.
alter table store.stock set (autovacuum_vacuum_scale_factor = 0.02);

insert into store.job (name) values ('make_partitions');
