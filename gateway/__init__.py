"""The gateway: HTTP comes in, routed calls go out; and the admin address of each node."""
