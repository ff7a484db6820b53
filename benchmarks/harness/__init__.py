"""Real parts that benchmarks and tests run against: brokers, subscribers, daemons, streams."""
