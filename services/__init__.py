"""Floor 2: the services, each a house with three doors and one hall. They speak to each other only by events."""
