"""Notices of every kind, made by hand and made up."""

from hypothesis import strategies as st

from hoptoad.notice import ErrorInfo, Frame, Notice, RequestInfo, Server, User

ID = "fedcba9876543210fedcba9876543210"
FRAME = Frame("[PROJECT_ROOT]/shop/views.py", 7, "Checkout.post", {"a": "1"}, ((6, "x"), (7, "y"), (8, "z")))
OUTER = Frame("[SITE_PACKAGES]/django/core/handlers/base.py", 197, "_get_response")
WHOLE = Notice(
    id=ID,
    error=ErrorInfo("shop.Odd", "Odd: frog", (FRAME, OUTER), notes=("a note",), module="shop"),
    causes=(ErrorInfo("KeyError", "KeyError: 'x'", (FRAME,), relation="cause"),),
    request=RequestInfo(
        url="https://shop.test/checkout/?a=1",
        component="shop.views.Checkout",
        action="post",
        params={"a": "1", "list": ("x", {"deep": "y"})},
        session={"cart": "7"},
        cgi_data={
            "REQUEST_METHOD": "POST",
            "QUERY_STRING": "a=1",
            "HTTP_USER_AGENT": "frog/1",
            "CONTENT_TYPE": "text/plain",
            "REMOTE_ADDR": "203.0.113.7",
        },
    ),
    server=Server(
        project_root="/srv/shop",
        environment_name="production",
        app_version="1.2",
        hostname="a",
        revision="c0ffee",
    ),
    user=User(id="7", name="Freda", email="f@x.test", username="freda"),
    framework="Django: 6.1",
    language="Python/3.12.1",
    severity="critical",
    extra={
        "tags": {"tenant": "frogs"},
        "basket": "full",
        "trail": ("10:30:00.250000 WARNING shop.cart: empty",),
    },
    lost=3,
    time=1_795_775_500.5,  # 2026-11-27 10:31:40.5 UTC
)


def failing(error=None, *causes, **more):
    return Notice(id=ID, error=error or ErrorInfo("E", "E: x"), causes=causes, **more)


TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
DATA = st.recursive(
    TEXT,
    lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.dictionaries(TEXT, inner, max_size=3)),
)
MAPPING = st.dictionaries(TEXT, DATA, max_size=4)
FRAMES = st.lists(
    st.builds(
        Frame,
        file=st.one_of(TEXT, TEXT.map("[PROJECT_ROOT]/{}".format)),
        line=st.integers(-1, 10**6),
        function=TEXT,
        variables=MAPPING,
        source=st.lists(st.tuples(st.integers(-1, 9), TEXT), max_size=4).map(tuple),
    ),
    max_size=3,
).map(tuple)
ERRORS = st.builds(
    ErrorInfo,
    class_name=TEXT,
    message=TEXT,
    frames=FRAMES,
    notes=st.lists(TEXT, max_size=2).map(tuple),
    relation=st.sampled_from(["cause", "context", "member"]),
    frames_left_out=st.integers(0, 10**6),
    module=TEXT,
    parent=st.integers(0, 3),
    is_message=st.booleans(),
)
NOTICES = st.builds(
    Notice,
    id=st.one_of(TEXT, st.just(ID)),
    error=ERRORS,
    causes=st.lists(ERRORS, max_size=12).map(tuple),
    request=st.builds(
        RequestInfo, url=TEXT, component=TEXT, action=TEXT, params=MAPPING, session=MAPPING, cgi_data=MAPPING
    ),
    server=st.builds(
        Server, project_root=TEXT, environment_name=TEXT, app_version=TEXT, hostname=TEXT, revision=TEXT
    ),
    user=st.one_of(st.none(), st.builds(User, id=TEXT, name=TEXT, email=TEXT, username=TEXT)),
    framework=TEXT,
    language=TEXT,
    severity=TEXT,
    extra=st.one_of(
        MAPPING,
        st.fixed_dictionaries({}, optional={"tags": DATA, "trail": DATA, "log": DATA, "session": DATA}),
    ),
    lost=st.integers(0, 10),
    time=st.floats(),
)
