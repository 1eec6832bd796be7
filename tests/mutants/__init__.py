"""Deliberate defects: each is planted alone into a copy of the tree, and named tests must catch it."""
