"""Runs where `label-studio` is installed, from the folder of this distribution: `python -m pytest`.

Django is set up with Label Studio's settings and the door's; no test needs the tables of its database.
"""

from __future__ import annotations

import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest

os.environ |= {
    "LABEL_STUDIO_BASE_DATA_DIR": tempfile.mkdtemp(prefix="label-studio-tests-"),
    "DJANGO_SETTINGS_MODULE": "label_studio_door.settings",
    "DJANGO_DB": "sqlite",
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
}
found = find_spec("label_studio")
assert found is not None
assert found.origin is not None
sys.path.insert(0, str(Path(found.origin).parent))  # as Label Studio's own start does

import django  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

django.setup()

settings.register_profile(
    "default",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("default")


class User:
    """A member, as far as the door looks at one."""

    is_authenticated = True
    is_active = True
    is_superuser = False
    pk = 7
    active_organization_id = 1


@pytest.fixture
def user() -> User:
    return User()
