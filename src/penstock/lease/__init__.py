"""Tenants, offers, quotes, leases and jobs, with their state machines as tables."""
