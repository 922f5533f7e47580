create or replace function inventory.share(p_whole numeric, p_part numeric, p_of numeric)
returns numeric
language plpgsql
immutable
parallel safe
as $$
begin
    if p_part = p_of then
        return p_whole;
    end if;
    return inventory.quotient(p_whole * p_part, p_of);
end;
$$;

comment on function inventory.share(numeric, numeric, numeric) is
'The share of p_whole that belongs to p_part of p_of units, rounded half up to 3 decimals.

The share of all units is exactly p_whole: taking the last units takes all that remains, so that rounding neither loses nor
creates anything. Null if p_whole is null.';
