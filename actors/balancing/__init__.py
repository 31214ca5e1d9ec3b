"""Who of several gets the next call: balancers, and the places by which hashes lead to members; pure but for slices."""
