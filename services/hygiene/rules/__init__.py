"""The policy of hygiene as pure functions: values in, findings out."""
