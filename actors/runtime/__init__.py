"""How an actor lives: mailbox, supervisor, timers, bus, replicated table."""
