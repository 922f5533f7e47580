"""Serve over the database of DATABASE_URL, which db/apply.py has brought up to date.

python -m server
"""

from __future__ import annotations

import logging

from pydantic import ValidationError

from server.operation import lifecycle, logs
from server.settings import SettingsError, load


def main() -> int:
    logs.configure("INFO")
    log = logging.getLogger("server")
    try:
        settings = load()
    except (SettingsError, ValidationError) as error:
        log.error("cannot start: %s", error)
        return 1
    logs.configure(settings.log_level, settings.log_format)
    if not settings.database_url:
        log.error("cannot start: DATABASE_URL is not set (make run makes a cluster of its own)")
        return 1
    return lifecycle.run(settings, settings.database_url, lambda url: log.info("serving on %s", url))


if __name__ == "__main__":
    raise SystemExit(main())
