create or replace function inventory.raise_refusal(p_posted inventory.posted)
returns void
language plpgsql
volatile
as $$
begin
    if p_posted.hint is null then
        raise exception using
            errcode = p_posted.sqlstate, -- from inventory.post
            message = p_posted.message,
            detail = coalesce(p_posted.detail::text, '');
    end if;
    raise exception using
        errcode = p_posted.sqlstate, -- from inventory.post
        message = p_posted.message,
        detail = coalesce(p_posted.detail::text, ''),
        hint = p_posted.hint;
end;
$$;

comment on function inventory.raise_refusal(inventory.posted) is 'Raise a refusal of inventory.post as an error.';
