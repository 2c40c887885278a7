"""An example that uses every integration: `python manage.py walk`, with HOPTOAD_URL in the environment."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "frogs.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
