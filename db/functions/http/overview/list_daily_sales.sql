create or replace function http.list_daily_sales(
    p_days inventory.day_count default 14,
    p_timezone inventory.time_zone default 'UTC'
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
    v_most constant bigint := 1000000;
    v_days constant integer := coalesce(p_days, 14);
    v_zone constant text := coalesce(p_timezone, 'UTC');
    v_first date;
    v_from timestamptz;
begin
    perform inventory.require_time_zone(v_zone);
    v_first := (inventory.clock() at time zone v_zone)::date - v_days + 1;
    -- A day early, because a midnight that a zone has twice is the second one here. The join leaves out what is too early.
    v_from := (v_first - 1)::timestamp at time zone v_zone;
    if (select count(*) from (select from store.sale as e where e.created_at >= v_from limit v_most + 1) as m) > v_most then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = format('these days have more than %s sales: ask for fewer days', v_most),
            detail = jsonb_build_object('field', 'days', 'input', v_days);
    end if;
    return json_build_object(
        'days',
        (
            select json_agg(r order by r.date)
            from (
                select
                    to_char(v_first + n, 'YYYY-MM-DD') as date,
                    coalesce(s.sales, 0) as sales,
                    trim_scale(coalesce(s.quantity, 0)) as quantity,
                    http.decimal_text(coalesce(s.revenue, 0)) as revenue,
                    http.decimal_text(case when s.date is null then 0 else s.cost end) as cost,
                    http.decimal_text(case when s.date is null then 0 else s.revenue - s.cost end) as margin,
                    trim_scale(coalesce(s.quantity_returned, 0)) as quantity_returned,
                    coalesce(s.without_cost, 0) as sales_without_cost
                from generate_series(0, v_days - 1) as n
                left join inventory.sums_of_sales(v_from, 'infinity', p_timezone => v_zone) as s on v_first + n = s.date
            ) as r
        )
    );
end;
$$;

comment on function http.list_daily_sales(inventory.day_count, inventory.time_zone) is
'Sum up the sales of each of the last days, up to today, oldest first.

days: how many days, today included: 1 to 366 (default 14). timezone: the IANA name of the time zone whose days these are, such as
Europe/Berlin (default UTC). A day without sales has zeros. If more than 1 000 000 sales were recorded in these days, the request
is refused (422): ask for fewer days.

It counts as report.cost_of_goods_sold does: a return counts on the day on which it was recorded, and lowers quantity, revenue and
cost of that day. sales: the number of sales, without returns. quantity_returned: the units that came back. cost: what the units
took from the cost layers, first in first out. cost and margin (revenue - cost) are null if the cost of any sale or return of the
day is not known; sales_without_cost says of how many.

Returns {"days": [{"date": "text", "sales": "integer", "quantity": "units", "revenue": "decimal", "cost": "decimal?",
"margin": "decimal?", "quantity_returned": "quantity", "sales_without_cost": "integer"}]}';

grant execute on function http.list_daily_sales(inventory.day_count, inventory.time_zone) to inventory_admin;
