"""What is measured, not timed in tests."""
