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
    v_owner constant text := http.key_owner(p_caller);
    v_claimed record;
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
    v_statement := http.statement(p_function);
    -- This function runs as the owner, so it must check that the caller may call the other function.
    if not http.may_call(p_function) then
        raise exception using
            errcode = 'insufficient_privilege',
            message = format('permission denied for function %s', p_function);
    end if;

    v_claimed := http.claim_keys(array[v_owner], array[p_key], array[p_request]);
    replayed := coalesce(v_claimed.are_replayed[1], false);
    result := v_claimed.results[1];
    error := v_claimed.errors[1];
    if replayed then
        return;
    elsif error is not null then
        raise exception using
            errcode = error ->> 'sqlstate', -- from http.claim_keys
            message = error ->> 'message',
            hint = error ->> 'hint';
    end if;

    begin
        execute v_statement into result using p_arguments;
    exception
        -- Only business errors (class IV) are handled. PL/pgSQL cannot name a class of errors, so all others go on unchanged.
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
            error := http.error_json(v_sqlstate, v_message, v_detail, v_hint, v_constraint)
                || jsonb_build_object('at', http.instant_without_offset(inventory.clock()));
    end;
    result := http.kept_answer(v_owner, p_key, p_request, result, error);
end;
$$;

comment on function http.once(text, text, text, text, jsonb) is
'Call http.<p_function> once for an Idempotency-Key: the work and the key are written in the same transaction.

The key belongs to the user p_caller: see http.key_owner. p_request describes the request (method, path, body); it may consist of
several texts, separated by U+001F, of which each describes the same request.

For the lifetime of keys, the same key with the same request gets the first answer again (replayed): a result, or the business
error as a value {"sqlstate", "message", "detail", "hint", "constraint", "at"}. Other errors are raised, and the key is not
stored. The caller needs EXECUTE on the called function.

Errors: IDEMPOTENCY_KEY_REUSED, IDEMPOTENCY_KEY_IN_USE, insufficient_privilege, undefined_function, and those of the function.';

grant execute on function http.once(text, text, text, text, jsonb) to inventory_public;
