create or replace function maintenance.continue_feed()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_ahead bigint;
begin
    -- One statement: it sees no row of a transaction that began after its snapshot.
    select
        greatest(
            (select max(m.feed_key) from store.movement as m where m.feed_key > 0),
            (select max(a.feed_key) from store.audit as a where a.feed_key > 0),
            (select max(t.feed_key) from store.stock as t)
        )
        - s.feed_base - pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1
    into v_ahead
    from store.setting as s;
    if v_ahead <= 0 or v_ahead is null then
        return 0;
    end if;
    update store.setting as s set feed_base = s.feed_base + v_ahead;
    update store.stock as s set feed_base = s.feed_base + v_ahead;
    return v_ahead;
end;
$$;

comment on function maintenance.continue_feed() is
'After a restore from a dump, let the change feed go on after its last row. Returns by how much its base was raised; 0: it was not
needed.

The keys of the feed come from the ids of transactions. In another cluster these begin anew, and the keys would be lower than
those that are there already: nothing new would be in the feed. db.apply calls this function.';

grant execute on function maintenance.continue_feed() to inventory_maintenance;
