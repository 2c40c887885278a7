"""The parsed data of failing requests to Django REST framework."""

import json

import pytest

from hoptoad.redaction.cutting import MASK
from hoptoad.testing import outbox


@pytest.fixture(autouse=True)
def api(settings_for):
    settings_for(ROOT_URLCONF="shop.api_urls")


def post(client, path, data):
    body = json.dumps(data)
    return client.post(path, body, content_type="application/json")


def test_parsed_json_is_told_and_scrubbed(client):
    assert (
        post(client, "/api/?page=2", {"order": 7, "items": [{"pin": "12345"}], "password": "x"}).status_code
        == 500
    )

    [notice] = outbox
    assert notice.request.params == {
        "page": "2",
        "order": "7",
        "items": ({"pin": MASK},),
        "password": MASK,
    }
    assert (notice.request.component, notice.request.action) == ("shop.api.Broken", "post")


@pytest.mark.parametrize(
    ("body", "shown"),
    [("order=7\npassword=x", {"order": "7", "password": MASK}), ("one\ntwo", {"[data]": ("one", "two")})],
)
def test_what_only_the_sites_own_parser_has_read_is_told(client, body, shown):
    client.post("/api/", body, content_type="text/x-lines")

    assert outbox[0].request.params == shown


def test_a_list_is_told_too(client):
    post(client, "/api/", [1, {"token": "api-secret"}])

    assert outbox[0].request.params == {"[json]": ("1", {"token": MASK})}


def test_a_form_is_told_once(client):
    client.post("/api/", "order=7&password=x", content_type="application/x-www-form-urlencoded")

    assert outbox[0].request.params == {"order": "7", "password": MASK}


def test_a_body_that_was_not_parsed_is_not(client):
    post(client, "/api/?read=no", {"order": 7})

    assert outbox[0].request.params == {"read": "no", "[body]": "[not loaded]"}


def test_a_body_that_cannot_be_parsed_is_an_answer_and_no_failure(client):
    response = client.post("/api/", "{broken", content_type="application/json")

    assert response.status_code == 400
    assert outbox == []


def test_an_answer_without_an_exception_is_reported_without_data(client):
    post(client, "/answers/", {"order": 7})

    assert outbox[0].error.class_name == "Http503"
    assert outbox[0].request.component == "shop.api.Answers"
