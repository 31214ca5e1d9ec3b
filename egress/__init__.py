"""The way out of the mesh: who carries calls to services outside, and how."""
