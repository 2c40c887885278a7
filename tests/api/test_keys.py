"""Keys of nested data: two stay two, and are readable, also where Errbit stores them."""

import pytest
from rules import as_errbit_keeps, check_v2, check_v3

from hoptoad.api import htv2, v3
from hoptoad.api.parsers import parse
from hoptoad.notice import ErrorInfo, Notice, RequestInfo
from hoptoad.testing import outbox


def notice(params):
    return Notice(id="1", error=ErrorInfo("E", "E: x"), request=RequestInfo(params=params))


def kept(params):
    """What Errbit keeps of parameters, by version 2 and by version 3."""
    by_v2 = check_v2(htv2.encode(notice(params))).find("request/params")
    return as_errbit_keeps(by_v2), check_v3(v3.encode(notice(params)))["params"]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"a.b": "first", "a_b": "second"}, {"a_b": "first", "a_b_": "second"}),
        ({"a_b": "first", "a.b": "second"}, {"a_b": "first", "a_b_": "second"}),
        ({"x.y.z": "1", "x_y.z": "2", "x.y_z": "3"}, {"x_y_z": "1", "x_y_z_": "2", "x_y_z_2": "3"}),
        ({"a.": "1", "a_": "2", "a__": "3"}, {"a_": "1", "a__": "2", "a___": "3"}),
        ({"deep": {"é.b": "1", "é_b": "2"}}, {"deep": {"é_b": "1", "é_b_": "2"}}),
        ({"\x00": "1", "\\x00": "2"}, {"\\x00": "1", "\\x00_": "2"}),
        ({"$where": "1"}, {"_$where": "1"}),
        ({"$where": "1", "_$where": "2"}, {"_$where": "1", "__$where": "2"}),
        ({"$ref.id": "1", "$ref_id": "2"}, {"_$ref_id": "1", "_$ref_id_": "2"}),
        ({"a_b": "1", "price_$": "2", "_": "3", "": "4"}, {"a_b": "1", "price_$": "2", "_": "3", "": "4"}),
    ],
)
def test_no_two_keys_are_one_for_errbit(sent, stored):
    assert kept(sent) == (stored, stored)


def test_keys_in_a_list_stay_apart_as_well():
    by_v2, by_v3 = kept({"items": ({"a.b": "1", "a_b": "2"}, {"$in": "3"})})

    assert by_v2 == {"items": {"0": {"a_b": "1", "a_b_": "2"}, "1": {"_$in": "3"}}}
    assert by_v3 == {"items": [{"a_b": "1", "a_b_": "2"}, {"_$in": "3"}]}


def test_a_dot_stays_a_dot_in_version_2():
    root = check_v2(htv2.encode(notice({"user.name": "Freda", "file.name": "a", "file_name": "b"})))

    keys = [var.get("key") for var in root.iterfind("request/params/var")]
    assert keys == ["user.name", "file.name", "file_name_"]


@pytest.mark.parametrize("encode", [htv2.encode, v3.encode])
def test_dollars_are_read_back_as_they_were(encode):
    params = {"$where": "1", "_$where": {"$in": "2"}, "price_$": "3", "__$": "4"}

    assert parse(encode(notice(params))).request.params == params


def test_forms_json_and_sessions_keep_both(client, reported):
    client.post("/form/", {"a.b": "first", "a_b": "second", "$where": "third"})
    client.post("/json/", {"q": {"a.b": 1, "a_b": 2}}, content_type="application/json")

    form, body = (as_errbit_keeps(notice.find("request/params")) for notice in reported)
    assert form == {"a_b": "first", "a_b_": "second", "_$where": "third"}
    assert body == {"q": {"a_b": "1", "a_b_": "2"}}


def test_tests_of_sites_see_the_dollar(client):
    client.post("/form/", {"$where": "third"})

    assert outbox[0].request.params == {"$where": "third"}


def test_keys_made_to_be_alike_cost_in_proportion_to_their_number():
    names = [format(number, "012b").replace("0", ".").replace("1", "_") for number in range(4000)]

    document = htv2.encode(notice(dict.fromkeys(names, "x")))

    assert len(document) < 60 * len(names)
