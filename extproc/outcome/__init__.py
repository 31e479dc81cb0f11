"""Access-log records and final answers → what happened: observe, settle, log; idempotent."""
