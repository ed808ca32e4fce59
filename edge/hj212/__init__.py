"""HJ 212 of 2005, 2017 and 2025: frames and segments (pure), and the stations that send them."""
