"""``python -m preceptor.cli``: the same as ``preceptor``."""

from preceptor.cli import main

main()
