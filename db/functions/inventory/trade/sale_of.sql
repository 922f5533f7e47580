create or replace function inventory.sale_of(p_movement store.movement)
returns store.sale
language plpgsql
stable
as $$
declare
    v_sale store.sale;
begin
    select * into v_sale from store.sale as s where s.id = p_movement.reference::bigint;
    return v_sale;
end;
$$;

comment on function inventory.sale_of(store.movement) is 'The sale or return that a movement of kind sale or return belongs to.';
