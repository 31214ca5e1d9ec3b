"""NATS header blocks, between bytes and fields, for a client that insists on a dictionary."""


def fields(block: bytes) -> dict[str, str]:
    """Return the fields of a raw block; of one name the last."""
    lines = (line.partition(":") for line in block.decode(errors="replace").split("\r\n")[1:] if line)
    return {name: value.strip() for name, _, value in lines}


def block(fields: dict[str, str]) -> bytes:
    """Return the raw block of what nats-py made of one, its status line included."""
    status = fields.get("Status", "")
    first = f"NATS/1.0 {status}" if status else "NATS/1.0"
    rest = [f"{name}: {value}" for name, value in fields.items() if name not in ("Status", "Description")]
    return "\r\n".join([first, *rest, "", ""]).encode()
