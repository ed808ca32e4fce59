"""What the console answers over HTTP: one module a subject, put together in :mod:`console.web.site`."""
