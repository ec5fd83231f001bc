"""Wiring: settings, addresses, processes. No rules."""
