"""Real parts that benchmarks and tests use: brokers, subscribers, daemons, streams."""
