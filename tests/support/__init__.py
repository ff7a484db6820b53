"""Stand-ins and values that several test modules use."""
