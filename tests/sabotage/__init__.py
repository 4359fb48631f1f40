"""Proof that the tests bite: named acts of sabotage, and the tests that must notice each one."""
