"""Takes the pictures of the inbox for the documentation, from its real pages: `python docs/pictures.py`.

It needs Chromium and the packages of the tests.
"""

import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent / "tests" / folder) for folder in ("site", "support")]

PICTURES = {  # address below the list, and height in pixels
    "inbox-list.png": ("", 760),
    "inbox-problem.png": ("1/change/", 920),
}
WIDTH = 1120
MOST_BYTES = 150_000
ADDRESS = "/admin/hoptoad_inbox/problem/"


def main():
    import office
    from browser import chromium

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "office.sqlite3"
        office.prepare(path, "import seeded; seeded.fill()")
        with office.serving(path) as site, chromium() as browser:
            browser.look(width=WIDTH)
            office.sign_in(browser, site)
            browser.run("document.getElementById('toggle-nav-sidebar').click()")
            for name, (address, height) in PICTURES.items():
                browser.look(width=WIDTH, height=height)
                browser.open(site + ADDRESS + address)
                browser.picture(DOCS / "images" / name, full=False)
                size = (DOCS / "images" / name).stat().st_size
                assert size < MOST_BYTES, f"{name} has {size} bytes"


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.office")
    import django

    django.setup()
    main()
