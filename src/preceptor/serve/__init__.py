"""The proxy: OpenAI-compatible in front, any OpenAI-compatible server behind, advice in between.

It forwards bytes and adds advice to the last user message. It never reaches learning, dialogue, judge or practice.
"""
