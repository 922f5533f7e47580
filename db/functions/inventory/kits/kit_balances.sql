create or replace function inventory.kit_balances(p_kit_id bigint)
returns numeric[]
language plpgsql
stable
as $$
begin
    return (select array[b.blocked, b.available] from inventory.balances_of(p_kit_id) as b);
end;
$$;

comment on function inventory.kit_balances(bigint) is
'The blocked and the available kits at the same instant: for store.balance, which calls it for kits alone.';
