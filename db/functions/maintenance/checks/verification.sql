create or replace function maintenance.verification()
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pass store.verification;
begin
    select * into v_pass from store.verification;
    return concat_ws(
        '; ',
        case
            when v_pass.next_product_id is not null then format(
                'began at %s, goes on with product %s, %s differences so far', v_pass.started_at, v_pass.next_product_id,
                v_pass.differences
            )
        end,
        case
            when v_pass.last_finished_at is null then 'has not been through yet'
            else format('last through at %s, %s differences', v_pass.last_finished_at, v_pass.last_differences)
        end
    );
end;
$$;

comment on function maintenance.verification() is
'The progress of the job that verifies all products, and the result of its last complete pass: a row of maintenance.status().';

grant execute on function maintenance.verification() to inventory_maintenance;
