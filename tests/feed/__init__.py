"""Tests of live feeds."""
