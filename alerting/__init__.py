"""Alarms become warnings: the right people, CAP 1.2, channels that fail independently, a ledger of it all."""
