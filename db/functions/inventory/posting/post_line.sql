create or replace function inventory.post_line(p_line inventory.posting)
returns inventory.posted
language plpgsql
volatile
as $$
declare
    v_posted inventory.posted := (inventory.post(array[p_line]))[1];
begin
    if v_posted.sqlstate is not null then
        if v_posted.sqlstate = '40001' then
            -- The product is a kit.
            v_posted := (inventory.post_with_parts(array[p_line]))[1];
        end if;
        if v_posted.sqlstate is not null then
            perform inventory.raise_refusal(v_posted);
        end if;
    end if;
    return v_posted;
end;
$$;

comment on function inventory.post_line(inventory.posting) is
'Post one line; for a kit, with the lines of its parts. If inventory.post refuses it, the refusal becomes an error.';
