"""The error pages in a real browser: structure, contrast, both colour schemes."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from brokers import missing
from django.test import Client
from django.utils import translation

pytestmark = pytest.mark.long

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync""".split()
SCHEMES = {"dark": "0", "light": "1"}
RUN = """
axe.run(document, {resultTypes: ["violations"]}).then(result => {
  const told = result.violations.map(found => `${found.id}: ${found.help}: ${found.nodes.map(node => node.html)}`);
  const shown = document.createElement("pre");
  shown.id = "told";
  shown.textContent = JSON.stringify({
    violations: told,
    passes: result.passes.map(found => found.id),
    background: getComputedStyle(document.body).backgroundColor,
  });
  document.body.append(shown);
});
"""


@pytest.fixture(scope="module")
def axe():
    """The source of axe-core; AXE_CORE names the file `axe.min.js` of the npm package."""
    path = os.environ.get("AXE_CORE", "")
    if not path:
        pytest.skip("AXE_CORE does not name the file axe.min.js of the npm package axe-core")
    return Path(path).read_text()


@pytest.fixture(scope="module")
def chromium():
    found = shutil.which("chromium")
    if found is None:
        missing("chromium")
    return found


@pytest.fixture
def look(axe, chromium, tmp_path):
    """What axe says of a page, in one of the colour schemes."""

    def look(html, scheme):
        assert "</body>" in html
        page = tmp_path / f"{scheme}.html"
        page.write_text(html.replace("</body>", f"<script>{axe}</script><script>{RUN}</script></body>"))
        done = subprocess.run(
            [
                chromium,
                *FLAGS,
                f"--user-data-dir={tmp_path / 'profile'}",
                f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
                "--virtual-time-budget=20000",
                "--dump-dom",
                page.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        told = re.search(r'<pre id="told">(.*?)</pre>', done.stdout, re.DOTALL)
        assert told, done.stdout[-2000:]
        return json.loads(told[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))

    return look


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("path", ["/status/409/", "/status/503/", "/statuses/"])
def test_pages_are_accessible(look, settings_for, path, scheme):
    settings_for(
        ROOT_URLCONF="shop.rare", MIDDLEWARE=["hoptoad.exceptional.middleware.ExceptionalMiddleware"]
    )
    html = Client(raise_request_exception=False).get(path).content.decode()

    told = look(html, scheme)

    assert told["violations"] == []
    assert {"color-contrast", "document-title", "html-has-lang", "landmark-one-main"} <= set(told["passes"])
    if path != "/statuses/":
        assert told["background"] == {"dark": "rgb(22, 24, 27)", "light": "rgb(251, 251, 249)"}[scheme]


@pytest.mark.parametrize(("language", "direction"), [("ar", 'dir="rtl"'), ("de", 'lang="de"')])
def test_pages_are_in_the_users_language(settings_for, language, direction):
    settings_for(
        ROOT_URLCONF="shop.rare",
        MIDDLEWARE=[
            "django.middleware.locale.LocaleMiddleware",
            "hoptoad.exceptional.middleware.ExceptionalMiddleware",
        ],
    )

    with translation.override("en"):  # what the request switches to ends with the test
        html = Client().get("/status/409/", headers={"Accept-Language": language}).content.decode()

    assert direction in html
