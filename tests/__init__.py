"""The tests: they mirror the modules."""
