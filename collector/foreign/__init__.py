"""Other people's readings: read in the forms they come in, and made readings of the district's devices."""
