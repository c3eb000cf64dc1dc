"""MUT1, MUT2 and MUT3."""
