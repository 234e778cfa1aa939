"""The REST interface under /api/v1: each endpoint is one call of one verb."""
