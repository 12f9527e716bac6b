"""The command line: one file a command. It prints and exits; what to do is decided elsewhere."""
