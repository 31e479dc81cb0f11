"""The methods that a processor serves, whatever carries them."""

from typing import Final

PROCESS: Final = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
STREAM_LOGS: Final = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs"
HEALTH_CHECK: Final = "/grpc.health.v1.Health/Check"
HEALTH_WATCH: Final = "/grpc.health.v1.Health/Watch"

MESSAGE_LIMIT: Final = 64 * 1024 * 1024  # twice the default body limit: a body, its headers and its metadata fit
