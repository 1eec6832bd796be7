"""Who may be granted what, which policies hold together, what stands behind a treatment, where a load went."""
