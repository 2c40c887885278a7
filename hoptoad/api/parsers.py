"""From bytes that may be hostile to a Notice: the outbox, and whoever else receives, reads by it."""

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from hoptoad.errors import ParseError
from hoptoad.notice import ErrorInfo, Frame, Notice, RequestInfo, Server, User, Value

MAX_DEPTH = 256  # elements in elements, as libxml2 has it
_KNOWN_VERSIONS = ("2.0", "2.1", "2.2", "2.3", "2.4")


def parse_v2(document: bytes) -> Notice:
    """The notice in a v2 document. Raises ParseError, and says what is wrong with it.

    What version 2 keeps in cgi-data (notes, causes, our id) stays there; `id` is read from it.
    """
    root = _tree(document)
    if root.tag != "notice" or root.get("version") not in _KNOWN_VERSIONS:
        raise ParseError(f"the document is a <{root.tag}>, not a notice of version 2.0 to 2.4")
    error = root.find("error")
    if error is None:
        raise ParseError("the notice has no <error>")
    request = _request(root.find("request"))
    return Notice(
        id=str(request.cgi_data.get("HOPTOAD_NOTICE_ID", "")),
        error=ErrorInfo(_text(error, "class"), _text(error, "message"), _frames(error)),
        request=request,
        server=_server(root.find("server-environment")),
        user=_user(root.find("current-user")),
        framework=_text(root, "framework"),
        language=str(request.cgi_data.get("LANGUAGE", "")),
    )


def _tree(document: bytes) -> Element:
    """The element tree, built without document types and entities and at most MAX_DEPTH deep."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise ParseError(f"elements are nested more than {MAX_DEPTH} deep")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse(*declaration: object) -> None:
        raise ParseError("a notice must not declare a document type or entities")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise ParseError(f"the document is not well-formed XML: {error}") from error
    return builder.close()


def _request(element: "Element | None") -> RequestInfo:
    if element is None:
        return RequestInfo()
    return RequestInfo(
        url=_text(element, "url"),
        component=_text(element, "component"),
        action=_text(element, "action"),
        params=_variables(element.find("params")),
        session=_variables(element.find("session")),
        cgi_data=_variables(element.find("cgi-data")),
    )


def _variables(element: "Element | None") -> dict[str, Value]:
    return {} if element is None else {var.get("key", ""): _value(var) for var in element}


def _value(var: Element) -> Value:
    if not len(var):
        return var.text or ""
    nested = _variables(var)
    if list(nested) == [str(index) for index in range(len(nested))]:
        return tuple(nested.values())  # how lists are written
    return nested


def _frames(error: Element) -> tuple[Frame, ...]:
    lines = error.findall("backtrace/line")
    return tuple(
        Frame(line.get("file", ""), _number(line.get("number", "")), line.get("method", "")) for line in lines
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _server(element: "Element | None") -> Server:
    if element is None:
        return Server()
    return Server(
        project_root=_text(element, "project-root"),
        environment_name=_text(element, "environment-name"),
        app_version=_text(element, "app-version"),
        hostname=_text(element, "hostname") or _text(element, "host-name"),
    )


def _user(element: "Element | None") -> User | None:
    if element is None:
        return None
    return User(**{name: _text(element, name) for name in ("id", "name", "email", "username")})


def _text(element: Element, path: str) -> str:
    return element.findtext(path) or ""
