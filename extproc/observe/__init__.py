"""Every metric, the decision log, redaction."""
