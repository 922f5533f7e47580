-- What new text must be: a password long enough.

-- squawk-ignore-file constraint-missing-not-valid, adding-required-field

set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table store.setting
add column password_length_minimum integer not null default 8,
add constraint setting_password_length_minimum_range check (password_length_minimum between 1 and 1024);
comment on column store.setting.password_length_minimum is 'How many characters a new password has at least.';
