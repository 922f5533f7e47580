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
'The instant at which the ledger begins: -infinity, or the end of the last month that maintenance.detach_movements() took out
of it.

What lies before is in store.opening_balance, one row a product: the chain of its movements begins there. Whoever asks for the
past, or compares something with its movement, asks no further back than here.';
