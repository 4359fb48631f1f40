"""Tests of the stream simulator."""
