"""How Tocsin's parts talk: measurements and batches, topics, the MQTT session, the outbox."""
