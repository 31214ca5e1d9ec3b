"""What actors say to each other: names, subjects, frames, errors and the rules that travel."""
