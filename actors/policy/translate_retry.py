"""A route's retries: conditions, tries and time limits checked and put in the rules' words."""

from msgspec import UNSET, UnsetType

from ..messages.rule import RetryPolicy
from ..routing.retry_on import CODES, CONDITIONS, IDLE, status_of
from .hint import did_you_mean
from .istio_virtual_service import HTTPRetry
from .problem import Path, ProblemCode, Report


def retry_policy(retries: HTTPRetry | UnsetType, path: Path, report: Report) -> RetryPolicy | None:
    """Return the retry policy of a route; None where it has none: then the mesh's default holds."""
    if retries is UNSET:
        return None
    default = RetryPolicy()
    if retries.attempts == 0 and _says_more(retries):
        hint = "leave the other fields out, or write attempts: 1"
        report.refuse(ProblemCode.INVALID_VALUE, (*path, "attempts"), "0 turns retries off, yet more is said", hint)
    return RetryPolicy(
        attempts=default.attempts if retries.attempts is UNSET else retries.attempts,
        per_try_timeout=None if retries.per_try_timeout is UNSET else float(retries.per_try_timeout),
        on=_conditions(retries.retry_on, (*path, "retryOn"), report),
        backoff=default.backoff if retries.backoff is UNSET else float(retries.backoff),
        ignore_previous_hosts=retries.retry_ignore_previous_hosts is not False,
        remote_localities=retries.retry_remote_localities is True,
    )


def _says_more(retries: HTTPRetry) -> bool:
    others = (retries.per_try_timeout, retries.retry_remote_localities)
    return bool(retries.retry_on) or any(one is not UNSET for one in others)


def _conditions(text: str, path: Path, report: Report) -> tuple[str, ...]:
    tokens = tuple(dict.fromkeys(token.strip() for token in text.split(",") if token.strip()))
    for token in tokens:
        if token not in CONDITIONS and not status_of(token):
            hint = did_you_mean(token, CONDITIONS) or "words such as 5xx, or statuses such as 503"
            report.refuse(ProblemCode.INVALID_VALUE, path, f"{token[:64]!r} is no retry condition", hint)
    idle: dict[str, list[str]] = {}
    for token in tokens:
        if token in IDLE:
            idle.setdefault(IDLE[token], []).append(token)
    for reason, names in idle.items():
        report.warn(ProblemCode.NO_EFFECT, path, f"no effect of {', '.join(names)}: {reason}")
    if CODES in tokens and not any(map(status_of, tokens)):
        message = f"no effect of {CODES}: the list has no status"
        report.warn(ProblemCode.NO_EFFECT, path, message, "write the statuses beside it, such as 503")
    return tokens
