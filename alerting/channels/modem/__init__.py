"""A GSM modem on a serial port: short messages and their replies without any provider or network of ours."""
