"""The mesh put together: what a node runs, how it joins and leaves, and `plait up`."""
