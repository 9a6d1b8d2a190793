"""Label Studio's command line with the door in place: ``python -m label_studio_door start``."""

from __future__ import annotations

import os


def main() -> None:
    """Run ``label-studio`` with the arguments of this process."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "label_studio_door.settings"
    from django.core.servers.basehttp import WSGIRequestHandler
    from label_studio import server

    # Django sends head and body of an answer one by one; with Nagle's algorithm the body waits for the client's
    # delayed acknowledgement of the head, 40 ms of every request on a connection that is kept.
    WSGIRequestHandler.disable_nagle_algorithm = True
    server.main()


if __name__ == "__main__":
    main()
