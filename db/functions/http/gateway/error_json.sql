create or replace function http.error_json(
    p_sqlstate text,
    p_message text,
    p_detail text default null,
    p_hint text default null,
    p_constraint text default null
)
returns jsonb
language plpgsql
immutable
as $$
begin
    return jsonb_build_object(
        'sqlstate', p_sqlstate, 'message', p_message, 'detail', nullif(p_detail, ''), 'hint', nullif(p_hint, ''),
        'constraint', nullif(p_constraint, '')
    );
end;
$$;

comment on function http.error_json(text, text, text, text, text) is 'An error as http.batch and http.once return it.';
