"""Pure routing: rules are compiled into tables, a request is decided by a table, instances are selected by labels."""
