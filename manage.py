#!/usr/bin/env python
"""Django's command line. `up` is the supervisor, which starts without Django to stay small."""

import os
import sys


def main() -> None:
    """Run the command that the arguments name."""
    if sys.argv[1:] == ["up"]:
        from portal.up.supervisor import main as up

        sys.exit(up())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
