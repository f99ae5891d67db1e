"""Preceptor: a strong model teaches a weak one in plain language."""
