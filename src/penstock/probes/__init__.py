"""What looks at a host: discovery, calibration, telemetry."""
