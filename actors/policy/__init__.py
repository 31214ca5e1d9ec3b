"""The policy engine: what users write becomes rules that nodes can compile, or is refused with every reason."""
