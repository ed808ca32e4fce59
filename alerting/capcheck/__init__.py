"""Whether a text is a CAP message, judged by the standard and not by our writer."""
