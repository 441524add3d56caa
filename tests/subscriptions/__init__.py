"""Tests of broker.subscriptions."""
