"""Subscriptions: checked, kept, matched against what changes (GS CIM 009 §5.8, §5.2.12)."""
