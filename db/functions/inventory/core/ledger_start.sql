create or replace function inventory.ledger_start()
returns timestamptz
language plpgsql
stable
parallel safe
as $$
begin
    return coalesce((select max(d.until) from store.detached_month as d), '-infinity');
end;
$$;

comment on function inventory.ledger_start() is
'The instant at which the ledger begins: -infinity, or the end of the last month that maintenance.detach_movements() has detached.

store.opening_balance has one row for each product with its balances at that instant: the chain of its movements begins with them.
Functions that look at the past, or compare a record with its movement, must not look further back.';
