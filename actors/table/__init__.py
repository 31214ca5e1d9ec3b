"""The replicated table: durable truth, numbered changes, a replica on every node."""
