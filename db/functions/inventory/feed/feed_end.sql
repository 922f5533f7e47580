create or replace function inventory.feed_end()
returns bigint
language plpgsql
stable
as $$
begin
    return (select s.feed_base from store.setting as s) + pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
end;
$$;

comment on function inventory.feed_end() is
'The first key of the change feed that may still be written: the oldest transaction that runs now, in any database of the cluster.

All rows with a lower key are there, and no row with a lower key will be added.';
