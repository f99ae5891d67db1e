"""Guidance in others' words."""
