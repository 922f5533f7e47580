create or replace function http.batch_functions()
returns text[]
language plpgsql
immutable
parallel safe
as $$
begin
    return array[
        'reserve_stock', 'release_stock', 'consume_stock', 'add_stock', 'create_block', 'convert_block', 'cancel_block',
        'create_sale', 'create_purchase', 'create_inflow', 'create_outflow', 'place_order'
    ];
end;
$$;

comment on function http.batch_functions() is
'The functions whose calls can be posted together: each call is one line of inventory.post.
See http.prepare_line, http.prepare_order, http.answers.';
