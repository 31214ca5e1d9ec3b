"""Who is signed in: a cookie that holds a user name, set by a form that asks for no proof. An example, not a model."""

from urllib.parse import quote, unquote

LONGEST_NAME = 64
"""Characters; a longer user name is cut when it comes from the form, ignored when it comes from a cookie."""

_NAME = "session"
_ATTRIBUTES = "; Path=/; HttpOnly; SameSite=Lax"

SIGN_OUT = f"{_NAME}={_ATTRIBUTES}; Max-Age=0"
"""The `set-cookie` that ends a session."""


def user_of(cookies: dict[str, str]) -> str:
    """The user whom the cookies name, or an empty string. A name is sent on as `end-user`, so it holds no controls."""
    value = cookies.get(_NAME)
    if not value:
        return ""
    user = unquote(value)
    return user if len(user) <= LONGEST_NAME and user.isprintable() else ""


def sign_in(username: str) -> str | None:
    """The `set-cookie` that starts a session, or None when the form's user name is no name."""
    user = username.strip()[:LONGEST_NAME]
    return f"{_NAME}={quote(user, safe='')}{_ATTRIBUTES}" if user and user.isprintable() else None
