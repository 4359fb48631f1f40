"""Tests of the verifiers."""
