"""Tests mirror extproc/: one folder a room."""
