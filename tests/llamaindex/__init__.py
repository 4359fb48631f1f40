"""Tests of this adapter; they run without the other framework too."""
