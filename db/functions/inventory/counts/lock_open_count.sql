create or replace function inventory.lock_open_count(p_count_id bigint)
returns store.count
language plpgsql
volatile
as $$
declare
    v_count store.count;
begin
    select * into v_count from store.count as c where c.id = p_count_id for no key update;
    if not found then
        raise exception using
            errcode = 'IV032', -- COUNT_NOT_FOUND
            message = format('Count %s does not exist', coalesce(p_count_id::text, 'null'));
    elsif v_count.status <> 'open' then
        raise exception using
            errcode = 'IV034', -- COUNT_CLOSED
            message = format('Count %s is %s', p_count_id, v_count.status);
    end if;
    return v_count;
end;
$$;

comment on function inventory.lock_open_count(bigint) is
'Lock an open count until the end of the transaction, and return it. Errors: COUNT_CLOSED, COUNT_NOT_FOUND.';
