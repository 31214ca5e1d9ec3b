"""Routes of a service: which handler takes which path and method, and how its arguments are made."""

from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.actors import Request, Service, delete, get, patch, post, put, route
from plait.actors.messages.envelope import CallFrame
from plait.actors.messages.error import InvalidName
from plait.actors.service.route import BadArgument, Router


class Book(msgspec.Struct):
    title: str
    pages: int = 0


def router(*routes):
    made = Router()
    for method, template in routes:
        names = [part[1:-1] for part in template.split("/") if part.startswith("{")]
        scope = {}
        exec(f"def handler(self, {', '.join(names)}): pass", scope)
        made.add(method, template, scope["handler"])
    return made


def found(routes, method, path):
    """The template that takes it, with its parameters; None where nothing does."""
    result = routes.find(path, method)
    return None if result is None else (result[0].template, result[1])


def request(body=b"", **params):
    return Request(CallFrame(1, 1, 1, "GET", "a", "/", "", [], body, None, ""), params)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ("/", {})),
        ("/books", ("/books", {})),
        ("/books/new", ("/books/new", {})),
        ("/books/7", ("/books/{id}", {"id": "7"})),
        ("/books/a%20b", ("/books/{id}", {"id": "a b"})),
        ("/books/a%2Fb", ("/books/{id}", {"id": "a/b"})),
        ("/books/%C3%BC", ("/books/{id}", {"id": "ü"})),
        ("/books/7/pages/3", ("/books/{id}/pages/{page}", {"id": "7", "page": "3"})),
        ("/books/", None),
        ("/books/7/", None),
        ("/books/7/pages", None),
        ("/books//pages/3", None),
        ("/BOOKS", None),
        ("books", None),
        ("", None),
    ],
)
def test_a_path_finds_its_template_and_its_parameters_decoded(path, expected):
    routes = router(
        ("GET", "/"),
        ("GET", "/books"),
        ("GET", "/books/new"),
        ("GET", "/books/{id}"),
        ("GET", "/books/{id}/pages/{page}"),
    )
    assert found(routes, "GET", path) == expected


@given(st.text(min_size=1).filter(lambda text: text not in (".", "..")))
def test_whatever_a_parameter_is_it_arrives_as_it_was_before_encoding(text):
    encoded = quote(text, safe="", errors="replace")
    assert found(router(("GET", "/x/{a}")), "GET", f"/x/{encoded}") == (
        "/x/{a}",
        {"a": text.encode("utf-8", "replace").decode()},
    )


def test_get_answers_head_unless_head_has_its_own_in_either_order():
    for routes in (router(("GET", "/a"), ("HEAD", "/a")), router(("HEAD", "/a"), ("GET", "/a"))):
        assert routes.find("/a", "HEAD")[0].name == "HEAD /a"
        assert routes.find("/a", "GET")[0].name == "GET /a"
    assert router(("GET", "/a")).find("/a", "HEAD")[0].name == "GET /a"
    assert router(("POST", "/a")).find("/a", "HEAD") is None


def test_methods_of_one_path_may_name_their_parameters_differently():
    routes = router(("GET", "/users/{id}"), ("POST", "/users/{user_id}"))
    assert found(routes, "GET", "/users/7") == ("/users/{id}", {"id": "7"})
    assert found(routes, "POST", "/users/7") == ("/users/{user_id}", {"user_id": "7"})
    assert routes.allowed("/users/7") == {"GET", "HEAD", "POST"}


def test_a_fixed_path_of_one_method_does_not_hide_a_template_of_another():
    routes = router(("POST", "/users/new"), ("GET", "/users/{id}"))
    assert found(routes, "GET", "/users/new") == ("/users/{id}", {"id": "new"})
    assert found(routes, "POST", "/users/new") == ("/users/new", {})
    assert routes.find("/users/new", "DELETE") is None


def test_a_path_that_nothing_takes_allows_nothing():
    assert router(("GET", "/a")).allowed("/b") == set()


def test_of_templates_that_both_fit_the_first_one_is_taken():
    routes = router(("GET", "/{a}/x"), ("GET", "/y/{b}"))
    assert found(routes, "GET", "/y/x") == ("/{a}/x", {"a": "y"})


def test_two_handlers_for_one_route_are_refused():
    with pytest.raises(TypeError, match="two handlers for GET /a"):
        router(("GET", "/a"), ("GET", "/a"))
    with pytest.raises(TypeError, match="two handlers"):
        router(("GET", "/a/{x}"), ("GET", "/a/{x}"))


@pytest.mark.parametrize("template", ["books", "", "/x{a}", "/{a}-{b}", "/{a", "/a}", "/{}", "/{a b}", "/{1}"])
def test_a_template_that_could_never_match_is_refused_where_it_is_written(template):
    with pytest.raises(ValueError, match="route"):
        route("GET", template)


def test_a_path_parameter_that_is_no_argument_is_refused_with_its_names():
    with pytest.raises(TypeError, match=r"'id'.*not an argument"):

        class Wrong(Service, name="wrong"):
            @get("/books/{id}")
            def read(self): ...


def test_each_decorator_stands_for_its_method_and_one_handler_may_have_several_routes():
    class Shop(Service, name="shop"):
        @get("/a")
        @put("/a")
        @post("/a")
        @patch("/a")
        @delete("/a")
        @route("options", "/a")
        @get("/b")
        def all(self): ...

    assert Shop.router.allowed("/a") == {"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"}
    assert Shop.router.allowed("/b") == {"GET", "HEAD"}


def test_a_subclass_inherits_routes_and_replaces_handlers():
    class Base(Service):
        @get("/a")
        def a(self): ...

        @get("/b")
        def b(self): ...

    class Shop(Base, name="shop"):
        @get("/a")
        def a(self): ...

    assert Shop.router.find("/a", "GET")[0].function is Shop.a
    assert Shop.router.find("/b", "GET")[0].function is Base.b
    assert Base.router.find("/a", "GET")[0].function is Base.a


@pytest.mark.parametrize("name", ["Shop", "a_b", "a.b", "-a", "x" * 64, ""])
def test_a_service_has_a_proper_name(name):
    with pytest.raises(InvalidName):
        type("Wrong", (Service,), {}, name=name)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [(int, "7", 7), (int, "-7", -7), (float, "1.5", 1.5), (bool, "true", True), (str, "7", "7")],
)
def test_a_path_parameter_becomes_what_its_annotation_says(kind, text, value):
    def handler(self, item):
        return item

    handler.__annotations__["item"] = kind
    made = Router()
    made.add("GET", "/{item}", handler)
    assert made.find("/x", "GET")[0].call(None, request(item=text)) == value


@pytest.mark.parametrize("text", ["x", "1.5", "", "0x10", "9" * 5000])
def test_a_path_parameter_that_does_not_fit_is_a_bad_argument_with_its_name(text):
    def handler(self, number: int): ...

    made = Router()
    made.add("GET", "/{number}", handler)
    with pytest.raises(BadArgument, match="number"):
        made.find("/x", "GET")[0].call(None, request(number=text))


def test_an_argument_that_is_no_path_parameter_is_the_body_and_request_is_the_request():
    def handler(self, book: Book, request: Request, shelf: str):
        return book, request, shelf

    made = Router()
    made.add("POST", "/{shelf}", handler)
    asked = request(b'{"title": "x", "pages": 3}', shelf="top")
    assert made.find("/top", "POST")[0].call(None, asked) == (Book("x", 3), asked, "top")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"pages": 1}', b'{"title": 5}', b'{"title": "\xff"}', b"[" * 9999]
)
def test_a_body_that_does_not_fit_is_a_bad_argument(body):
    def handler(self, book: Book): ...

    made = Router()
    made.add("POST", "/", handler)
    with pytest.raises(BadArgument, match="the body does not fit"):
        made.find("/", "POST")[0].call(None, request(body))
