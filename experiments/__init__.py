"""Tasks, configurations, runs and the command line."""
