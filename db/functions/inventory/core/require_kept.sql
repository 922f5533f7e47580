create or replace function inventory.require_kept(p_field text, p_at timestamptz)
returns void
language plpgsql
stable
as $$
declare
    v_start constant timestamptz := inventory.ledger_start();
begin
    -- The last instant before the ledger begins is allowed: all movements in the ledger are later than it.
    if p_at < v_start - interval '1 microsecond' then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = format('the ledger begins at %s', inventory.instant_text(v_start)),
            detail = jsonb_build_object('field', p_field, 'input', p_at);
    end if;
end;
$$;

comment on function inventory.require_kept(text, timestamptz) is
'Refuse an instant before the beginning of the ledger: see inventory.ledger_start. Errors: 22023.';
