"""Synthetic voices or recordings in; clips of overlapping events, labeled, out."""
