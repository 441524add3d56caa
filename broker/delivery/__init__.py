"""Delivery of notifications: what the outbox owes, to the endpoints of subscriptions, by one worker of all."""
