"""B3, the trace headers of Zipkin and of older Envoys: read where requests come in, written where calls leave the mesh.

After the specification of openzipkin/b3-propagation: one header `b3`, or several `x-b3-…`; the one counts more. Inside
the mesh a trace goes by W3C's headers alone.
"""

import re
from collections.abc import Mapping

SINGLE = "b3"
TRACE_ID, SPAN_ID, SAMPLED, FLAGS = "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags"
FIELDS = frozenset((SINGLE, TRACE_ID, SPAN_ID, SAMPLED, FLAGS, "x-b3-parentspanid"))
"""All headers of B3, in lower case; none of them goes on into the mesh."""

_IDS = re.compile(r"([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?\Z")
_LIMIT = 128
"""Characters of one header that are looked at; a whole `b3` has 68."""


def traceparent_of(fields: Mapping[str, str]) -> str:
    """Return the traceparent that headers of B3 stand for; empty where they name no trace, or not as they should.

    Trace ids of 64 bits are filled up with zeros on the left. A decision that is left to others (no `sampled`) reads as
    not sampled.
    """
    single = fields.get(SINGLE, "")
    if not single and TRACE_ID in fields:
        decided = "1" if fields.get(FLAGS) == "1" else _DECISIONS.get(fields.get(SAMPLED, "").lower(), "0")
        single = f"{fields[TRACE_ID][:_LIMIT]}-{fields.get(SPAN_ID, '')[:_LIMIT]}-{decided}"
    found = _IDS.match(single.lower()) if len(single) <= _LIMIT else None
    if found is None:
        return ""
    trace_id, span_id = found[1].rjust(32, "0"), found[2]
    if not trace_id.strip("0") or not span_id.strip("0"):
        return ""
    return f"00-{trace_id}-{span_id}-{'01' if found[3] in ('1', 'd') else '00'}"


def format_b3(traceparent: str) -> str:
    """Return the one header `b3` for a trusted traceparent, empty for `""`."""
    if not traceparent:
        return ""
    return f"{traceparent[3:35]}-{traceparent[36:52]}-{int(traceparent[53:55], 16) & 1}"


_DECISIONS = {"1": "1", "true": "1", "0": "0", "false": "0"}
