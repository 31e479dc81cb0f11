"""Ledger and counters that outlive an exchange."""
