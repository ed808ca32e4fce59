"""SL 651-2014, HEX/BCD: frames, bodies and packets (pure), and the stations that send them."""
