-- The tables in which yoyo-migrations keeps what is applied, as it makes them itself: a printed script needs no yoyo.

create table if not exists store.yoyo_lock (
    locked int default 1,
    ctime timestamp,
    pid int not null,
    primary key (locked)
);

create table if not exists store._yoyo_log (
    id varchar(36),
    migration_hash varchar(64),
    migration_id varchar(255),
    operation varchar(10),
    username varchar(255),
    hostname varchar(255),
    comment varchar(255),
    created_at_utc timestamp,
    primary key (id)
);

create table if not exists store._yoyo_version (
    version int not null primary key,
    installed_at_utc timestamp
);

create table if not exists store._yoyo_migration (
    migration_hash varchar(64),
    migration_id varchar(255),
    applied_at_utc timestamp,
    primary key (migration_hash)
);

insert into store._yoyo_version (version, installed_at_utc)
values (2, now() at time zone 'UTC')
on conflict (version) do nothing;
