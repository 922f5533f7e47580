create or replace function http.batch_functions()
returns text[]
language plpgsql
immutable
parallel safe
as $$
begin
    return array[
        'reserve_stock', 'release_stock', 'consume_stock', 'add_stock', 'create_block', 'convert_block', 'cancel_block',
        'extend_block', 'create_sale', 'return_sale', 'create_purchase', 'create_inflow', 'create_outflow', 'place_order'
    ];
end;
$$;

comment on function http.batch_functions() is
'The functions that http.batch can call: short ones, each of which locks one product''s stock row, and none before it.';
