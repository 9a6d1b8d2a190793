"""Label Studio's command line with the door in place: ``python -m label_studio_door start``."""

from __future__ import annotations

import os


def main() -> None:
    """Run ``label-studio`` with the arguments of this process."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "label_studio_door.settings"
    from label_studio import server

    server.main()


if __name__ == "__main__":
    main()
