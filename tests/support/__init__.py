"""Fakes, values and helpers that several test modules use."""
