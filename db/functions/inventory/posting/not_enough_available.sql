create or replace function inventory.not_enough_available(p_available numeric, p_requested numeric)
returns inventory.posted
language plpgsql
immutable
as $$
begin
    return inventory.refusal(
        'IV001', -- INSUFFICIENT_STOCK
        format('Only %s available.', trim_scale(p_available)),
        jsonb_build_object('available', p_available, 'requested', p_requested)
    );
end;
$$;

comment on function inventory.not_enough_available(numeric, numeric) is
'The refusal of a line that asks for more units than are available.';
