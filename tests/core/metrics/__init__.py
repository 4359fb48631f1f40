"""Tests of the metrics and of the comparison."""
