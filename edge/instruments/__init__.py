"""Instruments with protocols of their own on a serial line: those that are asked, and those that speak."""
