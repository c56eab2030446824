"""The parts of hybrid_daemon.py: its memory, its sandbox, its plans, what it does, and its loop."""
