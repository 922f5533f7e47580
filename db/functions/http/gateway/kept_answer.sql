create or replace function http.kept_answer(
    p_owner text,
    p_key text,
    p_request text,
    p_result json,
    p_error jsonb
)
returns json
language plpgsql
volatile
set plan_cache_mode = force_generic_plan -- auto_explain shows the constants of other plans: the answer
as $$
begin
    perform http.keep_answers(array[p_owner], array[p_key], array[p_request], array[p_result], array[p_error]);
    return p_result;
end;
$$;

comment on function http.kept_answer(text, text, text, json, jsonb) is
'Store the answer for one Idempotency-Key (http.keep_answers), and return its result.';
