create or replace function inventory.require_kept(p_field text, p_at timestamptz)
returns void
language plpgsql
stable
as $$
declare
    v_start constant timestamptz := inventory.ledger_start();
begin
    -- As of the instant before the first that is kept, everything that is kept has happened since.
    if p_at < v_start - interval '1 microsecond' then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = format('the ledger begins at %s', inventory.instant_text(v_start)),
            detail = jsonb_build_object('field', p_field, 'input', p_at);
    end if;
end;
$$;

comment on function inventory.require_kept(text, timestamptz) is
'Refuse an instant of which the ledger knows no more: see inventory.ledger_start. Errors: 22023.';
