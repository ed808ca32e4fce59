"""Modbus: framing over pymodbus, one bus owner a port, a driver a unit."""
