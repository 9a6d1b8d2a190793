"""Label Studio's Django settings with the door in place: ``DJANGO_SETTINGS_MODULE=label_studio_door.settings``."""

from __future__ import annotations

import os

# Label Studio's module asks for settings while it is imported: until then they are what it has set so far.
os.environ["DJANGO_SETTINGS_MODULE"] = "label_studio.core.settings.label_studio"

from label_studio.core.settings.label_studio import *  # noqa: F403
from label_studio.core.settings.label_studio import MIDDLEWARE

os.environ["DJANGO_SETTINGS_MODULE"] = __name__

DISABLE_SIGNUP_WITHOUT_LINK = True

# Innermost: by then it is known who asks, and whatever else answers a request has done so.
MIDDLEWARE = [*MIDDLEWARE, "label_studio_door.middleware.Door"]
