"""The data plane: what a node knows of the mesh, and the filters that every call passes."""
