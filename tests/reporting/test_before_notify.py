"""HOPTOAD_BEFORE_NOTIFY: the site's functions change, drop or spoil a notice."""

from dataclasses import replace

import pytest

from hoptoad import stats
from hoptoad.reporting.before_notify import WITHHELD
from hoptoad.testing import outbox


def test_functions_are_called_in_order(client, settings_for):
    def first(notice):
        return replace(notice, extra={"order": "first"})

    def second(notice):
        return replace(notice, extra={"order": notice.extra["order"] + ", second"})

    settings_for(HOPTOAD_BEFORE_NOTIFY=[first, second, "shop.reporting.without_addresses"])

    client.get("/boom/")

    assert outbox[0].extra == {"order": "first, second"}
    assert outbox[0].request.url == ""


def test_none_keeps_a_notice_from_being_sent_and_ends_the_row(client, settings_for):
    called = []
    settings_for(HOPTOAD_BEFORE_NOTIFY=["shop.reporting.nothing", called.append])

    client.get("/boom/")

    assert outbox == []
    assert called == []
    assert stats()["suppressed"] == 1


@pytest.mark.parametrize("broken", ["failing", "odd"])
def test_one_that_fails_costs_the_details_and_its_own_effect_only(client, settings_for, caplog, broken):
    settings_for(
        HOPTOAD_LOCAL_VARIABLES=True,
        HOPTOAD_BEFORE_NOTIFY=[f"shop.reporting.{broken}", lambda notice: replace(notice, extra={"a": "b"})],
    )

    response = client.post(
        "/form/?page=query-value", {"colour": "form-value"}, headers={"X-A": "header-value"}
    )

    assert response.status_code == 500
    [notice] = outbox
    assert notice.error.message == f"ValueError: {WITHHELD}"
    assert notice.error.class_name == "ValueError"
    assert notice.error.frames[0].file == "[PROJECT_ROOT]/site/shop/views.py"
    assert (notice.request.component, notice.request.action) == ("shop.views", "form")
    assert notice.extra == {"a": "b"}
    for detail in ("query-value", "form-value", "header-value", "something broke"):
        assert detail not in repr(notice)
    assert caplog.text.count(f"{broken} of HOPTOAD_BEFORE_NOTIFY failed") == 1


def test_what_cannot_be_encoded_goes_without_details(client, settings_for, caplog):
    settings_for(HOPTOAD_BEFORE_NOTIFY=["shop.reporting.unspeakable"])

    client.get("/boom/")

    assert outbox[0].error.message == f"ValueError: {WITHHELD}"
    assert "could not be encoded" in caplog.text


def test_summaries_and_digests_pass_them_too(client, settings_for):
    from hoptoad.reporting.pipeline import pipeline

    seen = []
    settings_for(
        HOPTOAD_NOTIFY_404=True,
        HOPTOAD_STORM_LIMIT=1,
        HOPTOAD_BEFORE_NOTIFY=[lambda notice: seen.append(notice.error.message)],
    )
    for path in ("/boom/", "/boom/", "/nowhere/", "/nowhere/"):
        client.get(path)

    pipeline.flush_summaries()

    assert len(seen) == 4
    assert outbox == []
