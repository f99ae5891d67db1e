# make demo   learn and measure on the practice airline, offline (first run: sets up .venv-demo)
# make test   all checks and all tests        make check   lint, format, types, layers
# make bench  the benchmarks                  make docs    regenerate what the docs quote from the code
# make screenshots  take the pictures of the review app again
.DEFAULT_GOAL := help
.PHONY: help demo test browser check format bench bench-peers bench-star bench-serve bench-review screenshots docs lock clean
