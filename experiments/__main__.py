"""`python -m experiments …` starts the command line; the commands are in `experiments/commands/`."""

import sys

try:
    from experiments.commands.command_line import app, run
except KeyboardInterrupt:  # they take seconds to import, and a traceback from within torch tells nobody anything
    sys.exit(130)

__all__ = ["app", "run"]

if __name__ == "__main__":
    run()
