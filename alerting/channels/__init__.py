"""How a warning reaches a person: each channel delivers, or says whether another attempt can help."""
