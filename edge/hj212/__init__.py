"""HJ 212-2017: frames and segments (pure), and the stations that send them by serial line and TCP."""
