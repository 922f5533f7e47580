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
'When a block ends that was created at p_created_at and is to end at p_expires_at (null: the default duration).

Both durations are settings (maintenance.configure). Errors: 22023 where p_expires_at is not after p_now, or later than
the maximum allows.';
