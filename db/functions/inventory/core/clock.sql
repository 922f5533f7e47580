create or replace function inventory.clock()
returns timestamptz
language plpgsql
stable
parallel safe
as $$
begin
    return pg_catalog.clock_timestamp();
end;
$$;

comment on function inventory.clock() is
'The instant it is now.

Every timestamp that decides something comes from here, taken after the lock that orders the decision. The wall clock,
not the transaction''s start: a caller that waited for a lock must see the time at which it got it. Declared stable so
that an index can be searched with it; within one statement it may advance.';

grant execute on function inventory.clock() to inventory_public;
