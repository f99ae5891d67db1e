"""Strategies with their history: changes in, state out. Light on purpose: the coach imports its index from here.

Readers and writers import :class:`preceptor.library.store.Library`.
"""
