create or replace function http.search_condition(p_column text, p_search inventory.search_text)
returns text
language plpgsql
immutable
parallel safe
as $$
begin
    return coalesce(
        (
            select string_agg(format(' and %s ilike %L', p_column, inventory.like_pattern(t.term)), '' order by t.position)
            from (
                select coalesce(m.words[1], m.words[2]) as term, m.position
                from regexp_matches(p_search, '"([^"]+)"|([^[:space:],"]+)', 'g') with ordinality as m (words, position)
            ) as t
        ),
        ''
    );
end;
$$;

comment on function http.search_condition(text, inventory.search_text) is
'The condition, to be added to others, that a column has every word that was searched for, as Django REST framework searches:
words stand between spaces or commas, or in quotation marks; no case, no order, no special letters.

The words are written as literals of SQL, so that the planner knows how rare they are.';
