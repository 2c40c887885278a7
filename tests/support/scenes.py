"""What a made-up case puts where: the parts of its request, and the texts of its failure."""

import base64
import json
from urllib.parse import quote, quote_plus, urlencode

from secretkinds import ENCODINGS, pair


class Scene:
    """All that one case puts somewhere, sorted by place."""

    def __init__(self, case):
        self.case = case
        self.texts = {}
        for item in case.benign:
            self._put(item.carrier, item.text)
        for plant in case.plants:  # before what may be cut: what is cut away in a text is not looked at
            if plant.place in ("text", "shape", "dsn"):
                self._put("message", in_text(plant))
        for item in case.repeats:
            self._put(
                item.carrier, *["." * item.pad] * bool(item.pad), ENCODINGS[item.encoding](item.secret.value)
            )

    def _put(self, carrier, *texts):
        self.texts.setdefault(carrier, []).extend(texts)

    def planted(self, *places):
        return [plant for plant in self.case.plants if plant.place in places]

    def text(self, carrier, default=""):
        """All that stands in one carrier, one after the other."""
        return " ".join(self.texts.get(carrier, [])) or default

    def data(self, place, *, is_form=False):
        """A dictionary with what is planted in a place, and the texts of its carrier."""
        data = {}
        for plant in self.planted(place):
            name = plant.name
            while name in data:
                name += "_"
            if is_form:
                data[name] = plant.secret.value
            else:
                inner = wrapped(plant.depth, {name: wrapped(plant.wrap, value_of(plant.secret))})
                data.update({f"item{len(data)}": inner} if plant.depth else inner)
        data.update(self.keys(place))
        if place in self.texts:
            data[f"{place} note"] = self.text(place)
        return data

    def keys(self, place):
        return dict.fromkeys(self.texts.get(f"{place} key", []), "x")


def value_of(secret):
    return int(secret.value) if secret.is_number else secret.value


def wrapped(how, value):
    for kind in how:
        value = [value] if kind == "list" else {"inner": value}
    return value


def in_text(plant):
    value = plant.secret.value
    if plant.place == "shape":
        return value
    if plant.place == "dsn":
        quoting, scheme = plant.wrap
        return f"{scheme}://shop:{quote(value, safe='') if quoting == 'quoted' else value}@db.example/shop"
    return pair(plant.name, value, plant.wrap[0])


def body(scene):
    """What is posted, and keyword arguments for the test client."""
    case = scene.case
    data, more = {}, {}
    if case.body == "form":
        data = {**scene.data("body", is_form=True), **scene.data("marked", is_form=True)}
        for number, plant in enumerate(scene.planted("url in body")):
            data[f"link{number}"] = link(plant)
        data, more = urlencode(data), {"content_type": "application/x-www-form-urlencoded"}
    elif case.body == "json":
        data = {**scene.data("body"), **scene.data("marked")}
        for number, plant in enumerate(scene.planted("url in body")):
            data[f"link{number}"] = {"href": [link(plant)]}
        data, more = json.dumps(data), {"content_type": "application/json"}
    return data, more


def link(plant):
    return f"https://x.example/cb?a=1&{quote_plus(plant.name)}={quote_plus(plant.secret.value)}&b=2#end"


def path(scene):
    fields = [
        f"{quote_plus(plant.name)}={quote_plus(plant.secret.value)}" for plant in scene.planted("query")
    ]
    fields += [f"next={quote_plus(link(plant))}" for plant in scene.planted("url in query")]
    if "query" in scene.texts:
        fields.append(f"note={quote_plus(scene.text('query'))}")
    query = f"?{'&'.join(fields)}" if fields else ""
    kind = "async/" if scene.case.interface == "asgi" and len(scene.case.plants) % 2 else ""
    return f"/fail/{kind}{quote(scene.text('path'), safe='')}{query}"


def headers_of(scene):
    headers = {}
    for plant in scene.planted("header"):
        value = plant.secret.value
        if plant.wrap == ("Basic",):
            value = base64.b64encode(f"freda:{value}".encode()).decode()
        headers[plant.name] = " ".join((*plant.wrap, value))
    cookies = [f"{plant.name}={plant.secret.value}" for plant in scene.planted("cookie")]
    if cookies:
        headers["Cookie"] = "; ".join(cookies)
    for carrier, name in (("header", "X-Note"), ("agent", "User-Agent")):
        if carrier in scene.texts:
            headers[name] = scene.text(carrier)
    if "referrer" in scene.texts:
        headers["Referer"] = f"https://shop.example/from?note={quote(scene.text('referrer'), safe='')}"
    return {name: value.encode().decode("latin-1") for name, value in headers.items()}
