create or replace function inventory.block_expiry(
    p_expires_at timestamptz,
    p_now timestamptz,
    p_created_at timestamptz
)
returns timestamptz
language plpgsql
stable
as $$
declare
    v_setting store.setting;
begin
    select * into v_setting from store.setting;
    if p_expires_at is null then
        return p_created_at + v_setting.block_duration;
    end if;
    if p_expires_at <= p_now then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'expires_at must be in the future',
            detail = jsonb_build_object('field', 'expires_at', 'input', p_expires_at);
    end if;
    if p_expires_at > p_created_at + v_setting.block_duration_maximum then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = format('no block lasts longer than %s', v_setting.block_duration_maximum),
            detail = jsonb_build_object('field', 'expires_at', 'input', p_expires_at);
    end if;
    return p_expires_at;
end;
$$;

comment on function inventory.block_expiry(timestamptz, timestamptz, timestamptz) is
'The end of a block that is created at p_created_at: p_expires_at, or null for the default duration.

The default and the maximum duration are settings (maintenance.configure). Errors: 22023 if p_expires_at is not after p_now, or is
later than the maximum duration allows.';
