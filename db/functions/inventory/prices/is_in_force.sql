create or replace function inventory.is_in_force(p_price store.price, p_at timestamptz)
returns boolean
language sql
immutable
parallel safe
as $$ select p_price.effective_from <= p_at and (p_price.effective_to is null or p_price.effective_to > p_at) $$;

comment on function inventory.is_in_force(store.price, timestamptz) is
'Whether the period [effective_from, effective_to) of a price rule contains p_at. Of the rules of one type that are in force, one
is the active price: see inventory.price_at.

PostgreSQL inlines it where p_at is a value and not a call.';
