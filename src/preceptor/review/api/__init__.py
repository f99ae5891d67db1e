"""The JSON API: all that the pages do, under ``/api``, with one shape for results and one for errors."""
