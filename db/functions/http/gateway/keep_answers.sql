create or replace function http.keep_answers(
    p_owners text[],
    p_keys text[],
    p_requests text[],
    p_results json[],
    p_errors jsonb[]
)
returns void
language plpgsql
volatile
set plan_cache_mode = force_generic_plan
as $$
declare
    v_now constant timestamptz := inventory.clock();
begin
    insert into store.idempotency_key (caller, key, request, result, error, created_at)
    select u.owner, u.key, split_part(u.request, e'\x1f', 1), u.result, u.error, v_now
    from rows from (
        unnest(p_owners), unnest(p_keys), unnest(p_requests), unnest(p_results), unnest(p_errors)
    ) as u (owner, key, request, result, error)
    where u.key is not null;
end;
$$;

comment on function http.keep_answers(text[], text[], text[], json[], jsonb[]) is
'Store the answers for Idempotency-Keys that http.claim_keys has locked. A call whose key is null is skipped.

If a request is described by several texts, the first one is stored.';
