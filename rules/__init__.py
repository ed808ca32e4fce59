"""Readings become alarms: the rules people edit, and the engine that evaluates them."""
