"""The inbox's pages in a real browser: from a crash to resolved and back, axe, policies, payloads, pictures."""

import os
import urllib.error
import urllib.request
from pathlib import Path

import office
import pytest
from browser import chromium

pytestmark = pytest.mark.long

STRICT = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
USUAL = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'"
LIST = "/admin/hoptoad_inbox/problem/"


@pytest.fixture(scope="module")
def tab():
    with chromium() as browser:
        yield browser


@pytest.fixture
def browser(tab):
    tab.call("Network.clearBrowserCookies")
    tab.look()
    tab.console.clear()
    tab.dialogs.clear()
    return tab


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A file with the seeded dozen."""
    path = tmp_path_factory.mktemp("office") / "filled.sqlite3"
    office.prepare(path, "import seeded; seeded.receive(seeded.fill()[0].app, seeded.LONG)")
    return path


@pytest.fixture(scope="module")
def site(filled):
    with office.serving(filled, OFFICE_POLICY=USUAL) as address:
        yield address


@pytest.fixture(scope="module")
def axe():
    path = os.environ.get("AXE_CORE", "")
    if not path:
        pytest.skip("AXE_CORE does not name the file axe.min.js of the npm package axe-core")
    return Path(path).read_text()


def fetch(address):
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def crash(address, browser, number, deadline):
    """Lets a page of the site fail, and reloads the list until it shows that many notices."""
    assert fetch(f"{address}/boom/") == 500
    shown = None
    while shown != number:
        assert deadline(60)
        browser.open(address + LIST + "?state=all")
        shown = browser.run("document.querySelector('.field-number')?.textContent")


def test_from_a_crash_to_resolved_and_back_without_scripts(browser, tmp_path, deadline):
    path = tmp_path / "office.sqlite3"
    office.prepare(path)
    inbox = {"HOPTOAD_SETTINGS": {}, "HOPTOAD_HANDLER": "inbox", "OFFICE_POLICY": STRICT}

    with office.serving(path, HOPTOAD_APP_VERSION="1.4", **inbox) as address:
        office.sign_in(browser, address)
        crash(address, browser, "1", deadline)
        browser.click("a.hoptoad-class")
        assert "OPEN" in browser.text(".hoptoad-origin").upper()
        assert "shop/views.py" in browser.text(".hoptoad-where")
        assert (
            browser.run("getComputedStyle(document.querySelector('.hoptoad-state')).borderRadius") == "16px"
        )
        browser.click("button[value=resolve]")
        assert "Resolved in version 1.4 on" in browser.text(".hoptoad-explained")
        assert "Resolved in version 1.4." in browser.text(".messagelist")

    with office.serving(path, HOPTOAD_APP_VERSION="1.5", **inbox) as address:
        crash(address, browser, "2", deadline)
        browser.click("a.hoptoad-class")
        assert "regressed" in browser.text(".hoptoad-origin")
        assert "It came back on" in browser.text(".hoptoad-explained")
        assert "in version 1.5" in browser.text(".hoptoad-explained")
        browser.click("button[value=ignore]")
        assert "Ignored until somebody reopens it." in browser.text(".hoptoad-explained")
        browser.click("button[value=reopen]")
        assert "regressed" in browser.text(".hoptoad-origin")

    # The policy refuses the admin's own scripts and icons.
    assert not [line for line in browser.console if "/static/admin/" not in line and "jsi18n" not in line]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    "path", ["?state=all", "1/change/", "2/change/", "9/change/", "13/change/", "../app/1/change/"]
)
def test_pages_are_accessible_and_write_nothing_to_the_console(browser, axe, site, path, width, scheme):
    office.sign_in(browser, site)
    browser.look(scheme, width, 844, mobile=width < 500)
    browser.console.clear()

    browser.open(site + LIST + path)

    assert not [line for line in browser.console if "favicon" not in line]
    browser.run("document.querySelectorAll('details').forEach(found => { found.open = true })")
    browser.run(axe)
    found = browser.run(
        "axe.run({include: ['#content-start'], exclude: ['#toolbar']}, {resultTypes: ['violations'], preload: false}).then(result => result.violations.flatMap("
        "found => found.nodes.map(node => `${found.id}: ${node.html} ${node.failureSummary}`)))"
    )
    assert not found
    assert browser.run("document.documentElement.scrollWidth <= window.innerWidth"), (
        "the page is wider than the screen"
    )


def test_enter_in_the_name_of_an_app_saves_and_nothing_else(browser, site):
    office.sign_in(browser, site)
    address = f"{site}/admin/hoptoad_inbox/app/1/change/"
    browser.open(address)
    key = browser.run("document.querySelector('[aria-label=\"The key\"]').textContent")

    with browser.loading():
        browser.run("id_name.focus()")
        for kind in ("keyDown", "keyUp"):
            browser.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key="Enter",
                code="Enter",
                text="\r",
                windowsVirtualKeyCode=13,
            )
    assert "was changed successfully" in browser.text(".messagelist")
    browser.open(address)

    assert browser.run("document.querySelector('[aria-label=\"The key\"]').textContent") == key


def test_a_date_is_asked_for_only_where_it_is_chosen(browser, site):
    office.sign_in(browser, site)
    is_seen = "document.querySelector('[name=date]').checkVisibility()"
    browser.open(f"{site}{LIST}2/change/")
    before = browser.run(is_seen)
    browser.run("id_until.value = 'date'")
    after = browser.run(is_seen)
    browser.open(site + LIST)
    in_list = browser.run(is_seen)
    browser.run("document.querySelector('[name=action]').value = 'ignore_until_a_date'")

    assert (before, after, in_list, browser.run(is_seen)) == (False, True, False, True)


def test_the_keyboard_reaches_folded_frames_and_buttons(browser, site):
    office.sign_in(browser, site)
    browser.open(f"{site}{LIST}1/change/")

    reached = []
    for _ in range(60):
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(browser.run("document.activeElement.textContent.trim().split('\\n')[0]"))

    for name in ("Resolve", "Ignore", "Older", "As text", "4 frames in django", "Why are these together?"):
        assert name in reached


PAYLOADS = """
<script>alert(1)</script>
"><img src=x onerror=alert(2)>
'"></title></textarea></style><svg onload=alert(3)>
javascript:alert(4)
<details open ontoggle=alert(5)>
<a href="javascript:alert(6)" autofocus onfocus=alert(7)>x</a>
]]><iframe srcdoc="<script>parent.alert(8)</script>">
"""
HOSTILE = f"""
import seeded
from hoptoad.inbox.models import App
app = App.objects.create(name="<img src=x onerror=alert(9)>", refused_reason="<svg onload=alert(10)>", refused_count=1)
for payload in {PAYLOADS.strip().splitlines()!r}:
    for kind in ("v2", "v3"):
        seeded.receive(app, seeded.hostile(payload), seeded.hostile(payload), kind=kind)
"""


def test_payloads_in_every_field_do_not_run(browser, tmp_path):
    path = tmp_path / "office.sqlite3"
    office.prepare(path, HOSTILE)

    with office.serving(path) as address:  # without a policy, which would stop them too
        office.sign_in(browser, address)
        browser.open(address + LIST + "?state=all")
        pages = browser.run("[...document.querySelectorAll('a.hoptoad-class')].map(found => found.href)")
        assert len(pages) == len(PAYLOADS.strip().splitlines())
        for page in pages:
            for rest in (
                "change/",
                "notices/1/",
                "notices/1/text/",
                "notices/1/document/",
                "delete/",
                "history/",
            ):
                browser.open(page.replace("change/", rest))
                if rest == "change/":
                    browser.run(
                        "document.querySelectorAll('details').forEach(found => { found.open = true })"
                    )
                    for link in ("a[rel~=nofollow]",):
                        assert browser.run(
                            f"[...document.querySelectorAll('{link}')].every(found => /^https?:/.test(found.href))"
                        )
        browser.open(f"{address}/admin/hoptoad_inbox/app/1/change/")
        browser.open(f"{address}/admin/hoptoad_inbox/app/")

    assert not browser.dialogs
    assert not [line for line in browser.console if "favicon" not in line]
