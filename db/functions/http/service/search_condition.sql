create or replace function http.search_condition(p_search inventory.search_text, variadic p_columns text[])
returns text
language plpgsql
immutable
parallel safe
as $$
begin
    return coalesce(
        (
            select
                string_agg(
                    format(
                        ' and (%s)',
                        (
                            select
                                string_agg(
                                    http.folded(c.name)
                                    || ' like '
                                    || http.folded(quote_literal(inventory.like_pattern(t.term))),
                                    ' or ' order by c.position
                                )
                            from unnest(p_columns) with ordinality as c (name, position)
                        )
                    ),
                    '' order by t.position
                )
            from (
                select coalesce(m.words[1], m.words[2]) as term, m.position
                from regexp_matches(p_search, '"([^"]+)"|([^[:space:],"]+)', 'g') with ordinality as m (words, position)
            ) as t
        ),
        ''
    );
end;
$$;

comment on function http.search_condition(inventory.search_text, text[]) is
'The SQL condition, to be added to others, that one of the columns contains each word of a search, as in Django REST framework.

Words are separated by spaces or commas, or are in quotation marks. Case and order do not matter, and no character is a wildcard.
The words are literals in the SQL, so that the planner can estimate how many rows match.';
