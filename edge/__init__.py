"""The field gateway agent: reads instruments on its buses and hands batches to whoever needs them.

A reading's way: a bus owner asks (``modbus``, ``instruments``) or listens (``hj212``, ``sl651``, ``sl427``),
the answer is decoded, judged (``quality``), thinned out (``report``), kept on disk (``intake``) and sent
until everybody has it.
"""
