"""gunicorn --chdir django_service wsgi"""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config")
application = get_wsgi_application()
