create or replace function inventory.feed_position(p_cursor text, out feed_key bigint, out feed_id bigint)
returns record
language plpgsql
stable
as $$
declare
    v_end constant bigint := inventory.feed_end();
    v_cursor constant text := case p_cursor when 'latest' then inventory.feed_cursor(v_end, 0) else coalesce(p_cursor, '0-0') end;
begin
    if v_cursor !~ '^[0-9]{1,18}-[0-9]{1,18}$' then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'after must be a cursor that this list has given',
            detail = jsonb_build_object('field', 'after', 'input', p_cursor);
    end if;
    feed_key := split_part(v_cursor, '-', 1)::bigint;
    feed_id := split_part(v_cursor, '-', 2)::bigint;
    if feed_key > v_end and not pg_is_in_recovery() then -- a standby may be behind the server that gave the cursor
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'after is later than the last change: it comes from another database, or this one was restored',
            detail = jsonb_build_object('field', 'after', 'input', p_cursor),
            hint = 'Compare your copy with the stock as it is now, and go on from the cursor "latest".';
    end if;
end;
$$;

comment on function inventory.feed_position(text) is
'The position in the change feed that a cursor (inventory.feed_cursor) means; null: the beginning; "latest": the end.

Errors: 22023 if it is not a cursor, or is later than the last change.';
