"""Records, errors, configuration and events: the words every room shares. No I/O."""
