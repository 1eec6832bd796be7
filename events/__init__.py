"""Floor 1: how facts are named, recorded and carried."""
