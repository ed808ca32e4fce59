"""The console: an HTTP API and pages by which people see, answer and decide; it copies no truth of others."""
