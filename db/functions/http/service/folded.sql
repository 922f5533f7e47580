create or replace function http.folded(p_expression text)
returns text
language plpgsql
immutable
parallel safe
as $$
begin
    return format(
        e'translate(lower(%s collate pg_catalog."und-x-icu"), ''\u03c2\u0131\u0307'', ''\u03c3i'')', p_expression
    );
end;
$$;

comment on function http.folded(text) is
'The SQL expression of a text in which case does not count: the same for two texts that differ only in case.

It is Unicode''s lower case, in any database, whatever its locale is. In addition the two lower-case sigmas are one letter, and so
are the four letters i of Turkish. The indexes product_search_idx and supplier_search_idx are on this expression.';
