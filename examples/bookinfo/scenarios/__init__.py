"""What Bookinfo's tasks apply on top of its first policy, one file at a time: they replace one another by name."""
