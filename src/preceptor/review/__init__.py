"""The audit: a web app in which people read what was learned and decide what may be served.

Server-rendered pages and a JSON API over a library. Its decisions go through ``Library.apply`` like all others.
"""
