"""SL/T 427-2021 and SZY206-2016: frames and their data (pure), and the stations that send them."""
