"""The order of steps of one exchange: the only place that awaits."""
