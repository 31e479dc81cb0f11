"""The HTTP endpoints that the gateway answers on its admin port."""
