"""The one interface to NATS, its three implementations, and asking over it."""
