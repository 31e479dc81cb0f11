"""What outlives a process: files of ours, and later ledgers and counters."""
