create or replace function http.once(
    p_caller text,
    p_key text,
    p_request text,
    p_function text,
    p_arguments jsonb,
    out replayed boolean,
    out result json,
    out error jsonb
)
returns record
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_statement text;
    v_now constant timestamptz := inventory.clock();
    -- A login can neither read nor use up the keys of callers that another login serves.
    v_caller constant text := session_user || ' ' || p_caller;
    v_first store.idempotency_key;
    v_sqlstate text;
    v_message text;
    v_detail text;
    v_hint text;
    v_constraint text;
begin
    perform inventory.require_argument('caller', p_caller is null);
    perform inventory.require_argument('key', p_key is null);
    perform inventory.require_argument('request', p_request is null);
    perform inventory.require_argument('function', p_function is null);
    if jsonb_typeof(p_arguments) <> 'object' then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'arguments must be an object',
            detail = jsonb_build_object('field', 'arguments');
    end if;
    if p_function <> all(http.batch_functions()) then
        v_statement := http.statement(p_function);
    end if;

    -- This function runs as the owner; what it calls is for those alone who may call it themselves.
    if not http.may_call(p_function) then
        raise exception using
            errcode = 'insufficient_privilege',
            message = format('permission denied for function %s', p_function);
    end if;

    if not pg_try_advisory_xact_lock(hashtextextended(v_caller || e'\x1f' || p_key, 0)) then
        raise exception using
            errcode = 'IV013', -- IDEMPOTENCY_KEY_IN_USE
            message = 'The first request with this Idempotency-Key is still running.',
            hint = 'Retry in a moment.';
    end if;

    select k.* into v_first
    from store.idempotency_key as k, store.setting as s
    where k.caller = v_caller and k.key = p_key and k.created_at > v_now - s.idempotency_lifetime;

    if found then
        if v_first.request <> p_request then
            raise exception using
                errcode = 'IV012', -- IDEMPOTENCY_KEY_REUSED
                message = 'This Idempotency-Key was used with another request.',
                hint = 'Use a new key for a new request.';
        end if;
        replayed := true;
        result := v_first.result;
        error := v_first.error;
        return;
    end if;

    replayed := false;
    begin
        if v_statement is null then
            result := http.batch_call(p_function, p_arguments);
        else
            execute v_statement into result using p_arguments;
        end if;
    exception
        -- Our own class is caught, whose members cannot be named as one; everything else goes on as it is.
        when others then
            get stacked diagnostics
                v_sqlstate = returned_sqlstate,
                v_message = message_text,
                v_detail = pg_exception_detail,
                v_hint = pg_exception_hint,
                v_constraint = constraint_name;
            if v_sqlstate not like 'IV%' then
                raise;
            end if;
            error := jsonb_build_object(
                'sqlstate', v_sqlstate,
                'message', v_message,
                'detail', nullif(v_detail, ''),
                'hint', nullif(v_hint, ''),
                'constraint', nullif(v_constraint, ''),
                'at', http.instant_without_offset(v_now)
            );
    end;

    insert into store.idempotency_key (caller, key, request, result, error, created_at)
    values (v_caller, p_key, p_request, result, error, v_now)
    on conflict (caller, key) do update
    set request = excluded.request, result = excluded.result, error = excluded.error, created_at = excluded.created_at;
end;
$$;

comment on function http.once(text, text, text, text, jsonb) is
'Call http.<p_function> once for this caller''s Idempotency-Key: the work and the key in one transaction.

A caller''s keys belong to the role that is logged in: another role''s p_caller of the same name is somebody else.

p_request stands for the request (method, path, body). The same key with the same request gets the first answer again
(replayed) for as long as keys live: a result, or the business error as a value {"sqlstate", "message", "detail",
"hint", "constraint", "at"}. Other errors are raised, and leave no key. The caller needs EXECUTE on the function itself.

Errors: IDEMPOTENCY_KEY_REUSED, IDEMPOTENCY_KEY_IN_USE, insufficient_privilege, undefined_function, and what the function raises.';

grant execute on function http.once(text, text, text, text, jsonb) to inventory_public;
