"""Tests of the command `automix`."""
