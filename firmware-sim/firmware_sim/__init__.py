"""Simulated field instruments at protocol level: Modbus RTU and TCP, HJ 212-2017."""

from firmware_sim.app import Simulator
from firmware_sim.clock import SimClock
from firmware_sim.errors import SimError
from firmware_sim.record import Served, read_served

__all__ = ["Served", "SimClock", "SimError", "Simulator", "read_served"]
