create or replace function inventory.refusal(
    p_sqlstate text,
    p_message text,
    p_detail jsonb default null,
    p_hint text default null
)
returns inventory.posted
language plpgsql
immutable
as $$
begin
    return row(null, null, null, null, p_sqlstate, p_message, p_detail, p_hint)::inventory.posted;
end;
$$;

comment on function inventory.refusal(text, text, jsonb, text) is
'Make a refusal: a result of inventory.post that holds an error instead of a movement. inventory.post_line raises it.';
