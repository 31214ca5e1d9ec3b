"""Examples: applications written as users write them, with public names alone."""
