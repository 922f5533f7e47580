-- The planner takes a coalesce for true in half of the rows. With the statistics of effective_to, by which most rules have ended,
-- PostgreSQL 17 reads and sorts all rules of a product to find the active one, instead of the first in the index.
create or replace function inventory.is_in_force(p_price store.price, p_at timestamptz)
returns boolean
language sql
immutable
parallel safe
as $$ select p_price.effective_from <= p_at and not coalesce(p_price.effective_to <= p_at, false) $$;

comment on function inventory.is_in_force(store.price, timestamptz) is
'Whether the period [effective_from, effective_to) of a price rule contains p_at.

Several rules of one type may be in force; inventory.price_at says which of them is the active price. PostgreSQL inlines the
function if p_at is a value and not a function call.';
