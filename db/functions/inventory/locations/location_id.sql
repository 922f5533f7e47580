create or replace function inventory.location_id(p_code inventory.location_code, p_is_made boolean default false)
returns bigint
language plpgsql
volatile
as $$
declare
    v_id bigint;
begin
    select l.id into v_id from store.location as l where l.code = p_code;
    if v_id is null and p_is_made then
        -- Callers that create the same location queue here, before they lock any product, so that they cannot deadlock.
        perform pg_advisory_xact_lock(hashtextextended('location ' || p_code, 0));
        select l.id into v_id from store.location as l where l.code = p_code;
        if v_id is null then
            -- Under REPEATABLE READ another caller's new row may be invisible: PostgreSQL then raises 40001.
            insert into store.location (code, created_at)
            values (p_code, inventory.clock())
            on conflict (code) do nothing
            returning id into v_id;
        end if;
    end if;
    return v_id;
end;
$$;

comment on function inventory.location_id(inventory.location_code, boolean) is
'The id of a location. If there is none, null, or with p_is_made the id of a new location.

It must be called before a product''s stock row is locked.';
